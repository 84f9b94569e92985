//! `cargo xtask mutants-sample`: does a test detect a change of the library's behaviour? Mutants of the library, drawn
//! by a seed, are tested one by one with the hosted tests.
//!
//! `cargo-mutants` creates them, in a copy of the project: a function that returns a value at once, an operator that is
//! replaced by another. `.cargo/mutants.toml` lists those that do not count, with the reason for each. This module
//! draws mutants, chooses the tests for them, and counts the results.
//!
//! A mutant is first tested with the recorded scenarios and the cases of misuse, which are rebuilt in seconds and
//! detect most mutants. One that survives these is tested with the library's own tests.

mod draw;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

pub use self::draw::Shard;
use crate::limit::Limit;
use crate::process::{self, Status};
use crate::tally::Tally;
use crate::tools::Missing;
use crate::{environment, places, transcript};

/// Which mutants do not count, and why.
const CONFIG: &str = ".cargo/mutants.toml";

/// How many of them must be detected at least, in per cent.
const LEAST: usize = 95;

/// The limit of a whole run. Each mutant has a limit of its own, which is far lower.
const LIMIT: Limit = Limit::of_all(Duration::from_secs(24 * 3600));

/// The least limit for the tests of one mutant, in seconds. If they take longer than that, and longer than five times
/// their time without a mutant, the mutant hangs, which counts as detected. With a fixed limit they could fail on a
/// loaded computer even without a mutant.
const SECONDS: &str = "--minimum-test-timeout=120";
/// The limit to build a mutant, in seconds.
const SECONDS_TO_BUILD: &str = "--build-timeout=600";

/// Tests with which mutants are tested.
struct Tests {
    /// Its name in the table, and its folder.
    name: &'static str,
    /// For cargo: which programs, with which features.
    build: &'static [&'static str],
    /// Which of their tests.
    part: Part,
}

/// Which of the tests of a program.
enum Part {
    /// All.
    All,
    /// All but those of [`LONG`].
    Short,
    /// Those of [`LONG`].
    Long,
}

/// Eight tests that take longer than all others together.
const LONG: [&str; 8] = [
    "abandon_anywhere::with_any_number_of_bytes_left",
    "builder::numbers_do_not_run_out_and_a_new_greenlet_is_still_distinguished",
    "pool::a_stack_is_used_a_hundred_thousand_times",
    "pool_owner::a_pool_goes_from_hand_to_hand_and_no_stack_is_lost",
    "pool_owner::a_count_of_the_stacks_of_a_region_while_others_use_it_is_a_number_of_them",
    "references::a_chain_of_a_hundred_thousand_parents_is_freed_without_recursion",
    "tree::a_hundred_runs_leave_nothing_behind",
    "tree::no_two_threads_give_a_greenlet_the_same_number",
];

/// All features that go together.
const FEATURES: &str = "--features=std,alloc,recorder,defmt,embedded-io,high-water,abandon,watchpoint,fp-control";
/// The same, with one core in the program. Without defmt, which needs `std` to link.
const ONE_CORE: &str = "--features=alloc,recorder,high-water,abandon,watchpoint,fp-control";

/// All of them, in the order in which a mutant is tested until one detects it: those that are built fastest come first.
const ALL: [Tests; 6] = [
    // The recorded scenarios, and every case of misuse.
    Tests {
        name: "scenarios",
        build: &[
            "--package=conformance",
            "--package=misuse",
            "--test=audit",
            "--test=corpus",
            "--test=cases",
            FEATURES,
        ],
        part: Part::All,
    },
    // With the tests in the sources: of what is made on 32 bits alone they are the only ones here.
    Tests { name: "library", build: &["--lib", "--test=library", FEATURES], part: Part::Short },
    Tests { name: "long", build: &["--test=library", FEATURES], part: Part::Long },
    Tests { name: "values", build: &["--test=values", "--test=floor", FEATURES], part: Part::All },
    Tests { name: "one core", build: &["--test=library", ONE_CORE], part: Part::All },
    Tests { name: "cores", build: &["--test=cores", "--features=cores,recorder"], part: Part::All },
];

/// Which mutants to draw and test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Request {
    /// The seed of the random numbers.
    pub seed: u64,
    /// How many mutants are drawn.
    pub count: usize,
    /// Which of them are tested by this process.
    pub shard: Shard,
}

/// The result of a mutant, in the terms of cargo-mutants.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fate {
    /// A test failed.
    Noticed,
    /// The tests did not end.
    Hangs,
    /// It does not compile.
    Unviable,
    /// All tests passed.
    Survives,
}

/// How many mutants had each result.
#[derive(Default)]
struct Count {
    noticed: usize,
    hang: usize,
    unviable: usize,
}

/// Tests the drawn mutants, and prints a table of the results.
///
/// # Errors
///
/// [`Missing`] without cargo-mutants; when something cannot be run, when the tests fail without a mutant, and when
/// fewer than 95 % of the mutants are noticed.
pub fn show(request: &Request) -> Result<()> {
    let known = known()?;
    let mut alive = request.shard.of(draw::draw(known, request.seed, request.count));
    let Request { seed, shard, .. } = request;
    println!("seed {seed}, shard {shard}: {} mutants", alive.len());
    println!("{:<14}{:>8}{:>9}{:>6}{:>10}{:>9}", "tests", "mutants", "noticed", "hang", "unviable", "survive");
    let mut sum = Count::default();
    for tests in &ALL {
        if alive.is_empty() {
            break;
        }
        let fates = tests.run(&alive)?;
        let number = |fate| fates.values().filter(|&&found| found == fate).count();
        let (noticed, hang, unviable) = (number(Fate::Noticed), number(Fate::Hangs), number(Fate::Unviable));
        let all = alive.len();
        alive.retain(|name| fates.get(name) == Some(&Fate::Survives));
        println!("{:<14}{all:>8}{noticed:>9}{hang:>6}{unviable:>10}{:>9}", tests.name, alive.len());
        sum.noticed += noticed;
        sum.hang += hang;
        sum.unviable += unviable;
    }
    alive.iter().for_each(|name| println!("survives: {name}"));
    verdict(&sum, alive.len())
}

/// Prints the sum; fails if too few were detected.
fn verdict(sum: &Count, survive: usize) -> Result<()> {
    let noticed = sum.noticed + sum.hang;
    let all = noticed + survive;
    ensure!(all > 0, "no mutant was tried: {} do not compile", sum.unviable);
    let enough = noticed * 100 >= all * LEAST;
    println!("{noticed} of {all} are noticed: {:.1} %", noticed as f64 * 100.0 / all as f64);
    let failures = if enough { 0 } else { survive };
    println!("{}", Tally { attempts: all as u64, failures: failures as u64 }.line("mutants"));
    ensure!(
        enough,
        "fewer than {LEAST} % are noticed; a test must be added for each that survives, or a reason to {CONFIG}"
    );
    Ok(())
}

/// The names of all mutants that count.
fn known() -> Result<Vec<String>> {
    let mut cargo = cargo();
    let output = cargo.args(["--list", "--json"]).output().context("cannot start cargo")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    if errors.contains("no such command") {
        bail!(Missing(
            "cargo-mutants is not installed (cargo install --locked cargo-mutants)\n\nNothing was run.".into()
        ));
    }
    ensure!(output.status.success(), "cargo mutants cannot list mutants:\n{}", errors.trim());
    let listed: Value = serde_json::from_slice(&output.stdout).context("cargo mutants lists no JSON")?;
    let names = listed.as_array().into_iter().flatten().filter_map(|mutant| mutant["name"].as_str());
    Ok(names.map(str::to_owned).collect())
}

/// A call of cargo-mutants for the library.
fn cargo() -> Command {
    let mut cargo = environment::cargo();
    cargo.current_dir(places::root()).args(["mutants", "--package=greenlet", "--colors=never"]);
    cargo
}

impl Tests {
    /// Tries each of `mutants`.
    fn run(&self, mutants: &[String]) -> Result<BTreeMap<String, Fate>> {
        let folder = places::built()?.join("mutants").join(self.name.replace(' ', "-"));
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let file = folder.join("mutants.toml");
        let reasons =
            fs::read_to_string(places::root().join(CONFIG)).with_context(|| format!("cannot read {CONFIG}"))?;
        fs::write(&file, format!("{}{reasons}", draw::named(mutants)))
            .with_context(|| format!("cannot write {}", file.display()))?;

        let mut cargo = cargo();
        cargo.arg("--config").arg(&file).arg("--output").arg(&folder).args(["--jobs=1", SECONDS, SECONDS_TO_BUILD]);
        // These programs are not debugged.
        let build = ["--package=greenlet", "--config=profile.dev.debug=false"].iter().chain(self.build);
        cargo.args(build.map(|word| format!("--cargo-arg={word}"))).args(["--", "--"]).args(self.part.words());
        let ended = process::run(cargo, LIMIT, |piece| {
            let mut out = io::stderr().lock();
            out.write_all(piece).and_then(|()| out.flush())
        })
        .context("cannot start cargo")?;
        // 2: some survive; 3: some hang.
        if !matches!(ended.status, Status::Exited(0 | 2 | 3)) {
            bail!(
                "cargo mutants failed ({:?}); the tests must pass without a mutant:\n{}",
                ended.status,
                transcript::tail(&String::from_utf8_lossy(&ended.output))
            );
        }
        let fates = fates(&folder.join("mutants.out/outcomes.json"))?;
        match mutants.iter().find(|name| !fates.contains_key(*name)) {
            Some(name) => bail!("cargo mutants has not tried {name}"),
            None => Ok(fates),
        }
    }
}

impl Part {
    /// The arguments for the test program.
    fn words(&self) -> Vec<String> {
        match self {
            Self::All => Vec::new(),
            Self::Short => LONG.iter().map(|name| format!("--skip={name}")).collect(),
            Self::Long => LONG.map(str::to_owned).to_vec(),
        }
    }
}

/// The result of each mutant, from the file that cargo-mutants wrote.
fn fates(file: &Path) -> Result<BTreeMap<String, Fate>> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let written: Value = serde_json::from_str(&text).with_context(|| format!("{} is not JSON", file.display()))?;
    let outcomes = written["outcomes"].as_array().into_iter().flatten();
    outcomes
        .filter_map(|outcome| Some((outcome["scenario"]["Mutant"]["name"].as_str()?, &outcome["summary"])))
        .map(fate)
        .collect()
}

fn fate((name, summary): (&str, &Value)) -> Result<(String, Fate)> {
    let fate = match summary.as_str() {
        Some("CaughtMutant") => Fate::Noticed,
        Some("Timeout") => Fate::Hangs,
        Some("Unviable") => Fate::Unviable,
        Some("MissedMutant") => Fate::Survives,
        _ => bail!("cargo mutants says {summary} of {name}"),
    };
    Ok((name.to_owned(), fate))
}
