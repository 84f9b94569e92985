//! The library's own tests on the host, with features and in profiles other than those of a plain `cargo test`.
//!
//! They have a target directory of their own: builds with different features in one directory replace each other's
//! results.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::compile::{self, Profile};
use crate::limit::Limit;
use crate::process::{self, Ended, Status};
use crate::{environment, foreign, places, transcript};

/// The limit of a run: many times the time to build the largest crate, or to run the longest test.
const LIMIT: Limit = Limit::of_silence(Duration::from_secs(1800));

/// Settings that make the builds faster and change no result.
const FASTER: [&str; 3] = [
    // No debugger runs these programs.
    "profile.dev.debug=false",
    // The library and its tests are optimized. Their dependencies are not.
    "profile.release.package.\"*\".opt-level=0",
    // Programs are not optimized across codegen units either, which would take a quarter of the time of a build.
    "profile.release.lto=\"off\"",
];

/// One run of the library's tests.
#[derive(Clone, Copy, Debug)]
pub struct Tests {
    /// The features, with commas between.
    pub features: &'static str,
    /// How they are compiled.
    pub profile: Profile,
    /// Whether the examples in the documentation run, too. Without the feature `std` they have no core identity.
    pub docs: bool,
}

impl Tests {
    /// Builds and runs them, and returns how many passed.
    ///
    /// # Errors
    ///
    /// If a test fails, if a test program does not end normally, or if there is no test; with the message of the inner
    /// cargo.
    pub fn run(&self) -> Result<u64> {
        let mut words = vec!["--no-fail-fast"];
        if !self.docs {
            words.push("--tests");
        }
        if self.profile == Profile::Release {
            words.push("--release");
        }
        let ended = cargo("test", self.features, &words, &[])?;
        passed(&ended).map_err(anyhow::Error::msg)
    }
}

/// Runs `tests/floor.rs` at an opt-level. It is the only test that depends on how the kernel is optimized.
///
/// # Errors
///
/// As [`Tests::run`].
pub fn floor(level: &str, features: &str) -> Result<u64> {
    let setting = format!("profile.release.opt-level={level}");
    let ended = cargo("test", features, &["--test", "floor", "--release"], &["--config", &setting])?;
    passed(&ended).map_err(anyhow::Error::msg)
}

/// Runs `tests/cores.rs` with the features that make the control block largest: main's block then has the address of
/// its tree, which no test may take for the other.
///
/// # Errors
///
/// As [`Tests::run`].
pub fn cores() -> Result<u64> {
    let ended = cargo("test", "cores,fp-control", &["--test", "cores"], &[])?;
    passed(&ended).map_err(anyhow::Error::msg)
}

/// Runs the library's tests for `target`, whose programs run on this computer and may have another unwinder.
///
/// # Errors
///
/// As [`Tests::run`].
pub fn of_target(target: &str, features: &str) -> Result<u64> {
    let ended = cargo("test", features, &["--no-fail-fast", "--tests", "--target", target], &[])?;
    passed(&ended).map_err(anyhow::Error::msg)
}

/// Runs the library's tests, without the examples in its documentation, for [another instruction set](mod@foreign).
///
/// # Errors
///
/// As [`Tests::run`].
pub fn foreign(features: &str, profile: Profile) -> Result<u64> {
    let mut cargo = command(&["greenlet"], "test", features, &["--no-fail-fast", "--tests"])?;
    if profile == Profile::Release {
        cargo.arg("--release");
    }
    foreign::apply(&mut cargo);
    passed(&run(cargo)?).map_err(anyhow::Error::msg)
}

/// Builds the program that runs scenarios, for [another instruction set](mod@foreign), and returns its path.
///
/// # Errors
///
/// When it does not build; with what the inner cargo said.
pub fn foreign_scenarios(profile: Profile) -> Result<PathBuf> {
    let mut cargo = environment::cargo();
    cargo.current_dir(places::root()).args(["build", "--package", "conformance", "--example", "host"]);
    cargo.args(["--profile", profile.of_cargo()]);
    foreign::apply(&mut cargo);
    let mut built = compile::executables(cargo, "example", &places::hosted()?)?;
    built.remove("host").context("cargo built no program for scenarios")
}

/// The crates above the library whose tests need the feature `std`, which the library's own tests must not have.
const COMPANIONS: [&str; 4] = ["greenlet-c", "greenlet-hub", "greenlet-embedded", "greenlet-embassy"];

/// Runs the tests of the crates above the library that need `std`.
///
/// # Errors
///
/// As [`Tests::run`].
pub fn companions() -> Result<u64> {
    let tests =
        passed(&cargo_for(&COMPANIONS, "test", "std", &["--no-fail-fast"], &[])?).map_err(anyhow::Error::msg)?;
    let with_features =
        ["--lib", "--test", "given_up*", "--test", "recorded", "--test", "simulation", "--test", "stopped"];
    let others = cargo_for(&["greenlet-hub"], "test", "std,abandon,recorder", &with_features, &[])?;
    Ok(tests + passed(&others).map_err(anyhow::Error::msg)?)
}

/// Builds the program with the cases of misuse in which something panics. The library and the cases are optimized if
/// the `profile` is, and nothing else is built anew for that.
///
/// # Errors
///
/// When it does not build.
pub fn misuse(profile: Profile) -> Result<PathBuf> {
    const OPTIMIZED: [&str; 3] = ["opt-level=3", "debug-assertions=false", "overflow-checks=false"];
    let mut cargo = environment::cargo();
    cargo.current_dir(places::root()).args(["build", "--package", "misuse", "--example", "misuse"]);
    cargo.args(["--features", "std", "--config", FASTER[0]]);
    if profile == Profile::Release {
        let settings = ["greenlet", "misuse"].map(|own| OPTIMIZED.map(|it| format!("profile.dev.package.{own}.{it}")));
        cargo.args(settings.as_flattened().iter().flat_map(|setting| ["--config", setting]));
    }
    let mut built = compile::executables(cargo, "example", &places::hosted()?.join(profile.name()))?;
    built.remove("misuse").context("cargo built no program for cases of misuse")
}

/// Builds the library's examples with `features`.
///
/// # Errors
///
/// When one of them does not build; with what the inner cargo said.
pub fn examples(features: &str) -> Result<()> {
    let ended = cargo("build", features, &["--examples"], &[])?;
    if ended.status == Status::Exited(0) {
        return Ok(());
    }
    bail!("{}", complaint(&String::from_utf8_lossy(&ended.errors)))
}

/// Builds an example of the library with `features`, for a debugger; returns the program.
///
/// # Errors
///
/// When it does not build; with what the inner cargo said.
pub fn example(name: &str, features: &str) -> Result<PathBuf> {
    let ended = cargo("build", features, &["--example", name], &["--config", "profile.dev.debug=2"])?;
    if ended.status != Status::Exited(0) {
        bail!("{}", complaint(&String::from_utf8_lossy(&ended.errors)));
    }
    Ok(places::hosted()?.join("debug/examples").join(name))
}

/// Runs an example under valgrind with the option of `docs/debugging.md`, which then finds no error, and without it,
/// when it finds some.
///
/// # Errors
///
/// When that is not so.
pub fn under_valgrind() -> Result<()> {
    let program = example("debugged", "")?;
    for (option, expected) in [("--max-stackframe=8192", 0), ("--max-stackframe=2000000", 99)] {
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--quiet", "--error-exitcode=99", option]).arg(&program);
        let ended = process::run(valgrind, LIMIT, |_| Ok(())).context("cannot start valgrind")?;
        if ended.status != Status::Exited(expected) {
            bail!("with {option} it ends with {:?}:\n{}", ended.status, String::from_utf8_lossy(&ended.errors));
        }
    }
    Ok(())
}

/// Runs a cargo for the library.
fn cargo(verb: &str, features: &str, words: &[&str], last: &[&str]) -> Result<Ended> {
    cargo_for(&["greenlet"], verb, features, words, last)
}

/// Runs a cargo for packages of the workspace.
fn cargo_for(packages: &[&str], verb: &str, features: &str, words: &[&str], last: &[&str]) -> Result<Ended> {
    let mut cargo = command(packages, verb, features, words)?;
    cargo.args(last);
    run(cargo)
}

/// A cargo for packages of the workspace.
fn command(packages: &[&str], verb: &str, features: &str, words: &[&str]) -> Result<Command> {
    let mut cargo = environment::cargo();
    cargo.current_dir(places::root()).arg(verb).args(packages.iter().flat_map(|package| ["--package", package]));
    cargo.args(["--features", features]).args(words);
    cargo.args(FASTER.iter().flat_map(|setting| ["--config", setting]));
    cargo.arg("--target-dir").arg(places::hosted()?);
    Ok(cargo)
}

fn run(mut cargo: Command) -> Result<Ended> {
    // This program parses its output.
    cargo.env("CARGO_TERM_COLOR", "never").env("CARGO_TERM_QUIET", "false").env("CARGO_TERM_VERBOSE", "false");
    process::run(cargo, LIMIT, |_| Ok(())).context("cannot start cargo")
}

/// How many tests passed, if no test failed and every test program came to its end.
fn passed(ended: &Ended) -> Result<u64, String> {
    let (output, errors) = (String::from_utf8_lossy(&ended.output), String::from_utf8_lossy(&ended.errors));
    let programs: Vec<_> = programs(&output).collect();
    let failing: Vec<_> = programs.iter().filter_map(|program| program.failing()).collect();
    if ended.status != Status::Exited(0) {
        let story = match ended.status {
            Status::TimedOut(overrun) => format!("cargo was ended: {overrun}"),
            status => format!("cargo failed ({status:?})"),
        };
        return Err([vec![story], failing, vec![complaint(&errors)]].concat().join("\n\n"));
    }
    if !failing.is_empty() {
        return Err(["cargo found all well, and yet:".to_owned()]
            .into_iter()
            .chain(failing)
            .collect::<Vec<_>>()
            .join("\n\n"));
    }
    // A program of documentation tests may print this twice, because some of its tests run in one process and others
    // apart.
    let started = errors.lines().map(str::trim_start).filter(|line| is_start(line)).count();
    if programs.len() < started {
        return Err(format!("cargo started {started} test programs, and {} began to test", programs.len()));
    }
    match programs.iter().filter_map(Program::passed).sum() {
        0 => Err(format!("no test ran, in {started} test programs")),
        passed => Ok(passed),
    }
}

/// Whether cargo says with `line` that it starts a test program.
fn is_start(line: &str) -> bool {
    line.starts_with("Running ") || line.starts_with("Doc-tests ")
}

/// What one test program printed, from its `running N tests` on.
struct Program<'a>(Vec<&'a str>);

/// Splits the output of test programs.
fn programs(output: &str) -> impl Iterator<Item = Program<'_>> {
    let begins = |line: &&str| {
        let words: Vec<_> = line.split(' ').collect();
        matches!(words[..], ["running", count, "test" | "tests"] if count.parse::<u64>().is_ok())
    };
    let mut programs = Vec::<Program<'_>>::new();
    for line in output.lines() {
        if begins(&line) {
            programs.push(Program(Vec::new()));
        }
        // Lines before the first program are ignored.
        programs.last_mut().into_iter().for_each(|program| program.0.push(line));
    }
    programs.into_iter()
}

impl Program<'_> {
    /// Its result, without the words before it.
    fn result(&self) -> Option<&str> {
        self.0.iter().rev().find_map(|line| line.strip_prefix("test result: "))
    }

    /// How many tests passed, if none failed.
    fn passed(&self) -> Option<u64> {
        self.result()?.strip_prefix("ok. ")?.split_once(" passed;")?.0.parse().ok()
    }

    /// What it printed about failures, if it did not pass.
    fn failing(&self) -> Option<String> {
        if self.passed().is_some() {
            return None;
        }
        let Some(result) = self.result() else {
            return Some(format!(
                "a test program stopped without a `test result`:\n{}",
                transcript::tail(&self.0.join("\n"))
            ));
        };
        let first = self.0.iter().position(|line| *line == "failures:").unwrap_or(0);
        let failures = self.0[first..].iter().take_while(|line| !line.starts_with("test result: "));
        Some(failures.copied().chain([result]).collect::<Vec<_>>().join("\n"))
    }
}

/// The error of cargo or the compiler: the first one with what follows, or else the last lines of the output. The
/// output of test programs that were started later is left out.
fn complaint(errors: &str) -> String {
    /// Lines that are enough to see the first error or two.
    const SHOWN: usize = 60;
    let lines = errors.lines().skip_while(|line| !line.starts_with("error"));
    let mut lines = lines.filter(|line| !is_start(line.trim_start()));
    let complaint: Vec<_> = lines.by_ref().take(SHOWN).collect();
    match (complaint.is_empty(), lines.count()) {
        (true, _) => transcript::tail(errors),
        (false, 0) => complaint.join("\n"),
        (false, more) => format!("{}\n... and {more} lines more", complaint.join("\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two test programs that pass.
    const WELL: &str = "
running 2 tests
test one ... ok
test two ... ok

test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s


running 1 test
test three ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 4 filtered out; finished in 0.00s
";
    const STARTED: &str = "   Compiling x v0.1.0\n     Running tests/a.rs (a)\n   Doc-tests x\n";

    fn judged(status: Status, output: &str, errors: &str) -> Result<u64, String> {
        passed(&Ended { status, output: output.into(), errors: errors.into(), took: Duration::ZERO })
    }

    #[track_caller]
    fn fails(status: i32, output: &str, errors: &str, parts: &[&str]) {
        let said = judged(Status::Exited(status), output, errors).unwrap_err();
        parts.iter().for_each(|part| assert!(said.contains(part), "not said: {part}\n{said}"));
    }

    #[test]
    fn tests_that_pass_are_counted() {
        assert_eq!(judged(Status::Exited(0), WELL, STARTED), Ok(3));
    }

    #[test]
    fn no_test_at_all_is_a_failure() {
        let none = "running 0 tests\n\ntest result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 9 filtered out\n";
        fails(0, none, "     Running a\n", &["no test ran, in 1 test programs"]);
        fails(0, "", "", &["no test ran, in 0 test programs"]);
    }

    #[test]
    fn a_program_without_a_result_is_a_failure() {
        let cut = WELL.replace("test result: ok. 1", "test four ... ok 1");
        for status in [0, 101] {
            fails(status, &cut, STARTED, &["without a `test result`", "| test three ... ok"]);
        }
        fails(0, WELL, &format!("{STARTED}     Running b\n"), &["started 3 test programs, and 2 began"]);
    }

    #[test]
    fn what_failed_is_shown_and_nothing_else() {
        let output = format!(
            "{WELL}\nrunning 1 test\ntest four ... FAILED\n\nfailures:\n\n---- four stdout ----\nwhy\n\nfailures:\n    four\n\n\
             test result: FAILED. 0 passed; 1 failed; 0 ignored\n\n"
        );
        let errors = format!("{STARTED}     Running b\nerror: test failed, to rerun pass `--test b`\n     Running c\n");
        fails(
            101,
            &output,
            &errors,
            &["---- four stdout ----\nwhy", "FAILED. 0 passed; 1 failed", "to rerun pass `--test b`"],
        );
        let said = judged(Status::Exited(101), &output, &errors).unwrap_err();
        assert!(!said.contains("three") && !said.contains("Compiling") && !said.contains("Running"), "{said}");
    }

    #[test]
    fn an_error_of_the_compiler_is_shown() {
        let errors = "   Compiling x\nwarning: y\nerror[E0308]: mismatched types\n  --> a.rs:1\n";
        fails(101, "", errors, &["error[E0308]: mismatched types\n  --> a.rs:1"]);
        fails(101, "", "no such command\n", &["| no such command"]);
    }
}
