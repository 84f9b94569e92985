//! `cargo xtask soak`: one long-lived tree of greenlets that run random operations on each other, hosted and on bare
//! metal.
//!
//! The operations and the conditions that must hold are in the package `soak`. This module starts the program and
//! judges its result. Hosted, it can run [under a tool](Tool) that checks memory accesses.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::boot::{Boot, Input};
use crate::compile::{self, Profile};
use crate::conformance::Place;
use crate::limit::Limit;
use crate::process::{self, Ended, Status};
use crate::tally::Tally;
use crate::tools::{self, Missing, Needs, on_path};
use crate::{environment, places, verdict};

/// The guest, and the hosted example: two programs of one name.
const NAME: &str = "soak";

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The seed of the random numbers.
    pub seed: u64,
    /// How many operations.
    pub count: u64,
    /// Where.
    pub places: Vec<Place>,
    /// How it is compiled.
    pub profile: Profile,
    /// The tool that checks the hosted program.
    pub tool: Option<Tool>,
}

/// A tool that checks the memory accesses of a hosted program.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tool {
    /// Valgrind's memcheck; the program registers its stacks with it.
    Valgrind,
    /// AddressSanitizer, which needs a nightly compiler.
    Asan,
}

impl Tool {
    /// The tool with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "valgrind" => Some(Self::Valgrind),
            "asan" => Some(Self::Asan),
            _ => None,
        }
    }
}

/// The result of a soak.
#[derive(Debug)]
pub struct Ran {
    /// A digest of all results: the same at every place.
    pub digest: String,
    /// How long it took.
    pub took: Duration,
}

/// Runs the soak at each place, and prints the progress.
///
/// # Errors
///
/// When an operation fails, or nothing could be run; [`Missing`] when a tool is not here.
pub fn show(request: &Request) -> Result<()> {
    let mut needs = Needs::default();
    request.places.iter().for_each(|place| place.needs(&mut needs));
    tools::ensure(&needs)?;
    for &place in &request.places {
        let program = program(place, request.profile, request.tool)?;
        println!("{place}: seed {}, {} operations", request.seed, request.count);
        let mut output = Vec::new();
        let ran = run(place, &program, request, |piece| {
            output.extend_from_slice(piece);
            let mut out = io::stdout().lock();
            out.write_all(piece).and_then(|()| out.flush())
        });
        println!("{}", tally(&output, request.count, ran.is_ok()).line(format_args!("soak {place}")));
        let ran = ran?;
        println!("{place}: all as it must be, in {:.1?}", ran.took);
    }
    Ok(())
}

/// What the output of a soak contains: operations that were done; and the one that failed, which comes after them.
fn tally(output: &[u8], count: u64, passed: bool) -> Tally {
    if passed {
        return Tally { attempts: count, failures: 0 };
    }
    let text = String::from_utf8_lossy(output);
    let done = text.lines().rev().find_map(|line| match line.strip_prefix("DONE ") {
        Some(done) => done.split('/').next()?.parse::<u64>().ok(),
        // The last progress note, if it did not reach the end.
        None => line.strip_prefix("# ")?.parse().ok(),
    });
    Tally { attempts: done.unwrap_or(0) + 1, failures: 1 }
}

/// Builds the program for a place.
///
/// # Errors
///
/// [`Missing`] if the requested tool is not installed; and if the program does not build.
pub fn program(place: Place, profile: Profile, tool: Option<Tool>) -> Result<PathBuf> {
    let missing = |what: &str| bail!(Missing(format!("{what}\n\nNothing was run.")));
    match (place, tool) {
        (Place::Machine(machine), _) => compile::guest(machine.code(), profile, NAME),
        (Place::Host, Some(Tool::Valgrind)) if on_path("valgrind").is_none() => {
            missing("valgrind is not installed (Debian: apt-get install valgrind)")
        }
        (Place::Host, Some(Tool::Asan)) => match nightly_host() {
            Some(host) => with_sanitizer(&host),
            None => missing("AddressSanitizer takes a nightly compiler (rustup toolchain install nightly)"),
        },
        (Place::Host, _) => compile::example(NAME, NAME, profile),
    }
}

/// A command that runs in the nightly toolchain.
fn nightly(program: &str) -> Command {
    let mut command = environment::clean(Command::new("rustup"));
    command.args(["run", "nightly", program]);
    command
}

/// The host target by the nightly compiler, if there is one.
fn nightly_host() -> Option<String> {
    let output = nightly("rustc").arg("-vV").output().ok().filter(|output| output.status.success())?;
    let told = String::from_utf8(output.stdout).ok()?;
    told.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned)
}

/// Builds the hosted program with AddressSanitizer. With `--target`, so that build scripts are built without.
fn with_sanitizer(host: &str) -> Result<PathBuf> {
    let mut cargo = nightly("cargo");
    cargo.current_dir(places::root()).env("RUSTFLAGS", "-Zsanitizer=address");
    cargo.args(["build", "--release", "--package", NAME, "--example", NAME, "--features", "asan", "--target", host]);
    let mut built = compile::executables(cargo, "example", &places::built()?)
        .context("the soak does not build with AddressSanitizer")?;
    built.remove(NAME).with_context(|| format!("cargo built no example {NAME}"))
}

/// Runs the program.
///
/// # Errors
///
/// When an operation fails, with seed and number; when it does not end as it must; when it cannot be run.
pub fn run(place: Place, program: &Path, request: &Request, seen: impl FnMut(&[u8]) -> io::Result<()>) -> Result<Ran> {
    let order = format!("{} {}\n", request.seed, request.count);
    let limit = request.limit(place);
    let ended = match place {
        Place::Machine(machine) => {
            let input = Input::for_board(order.as_bytes())?;
            let boot =
                Boot { machine, elf: program, input: Some(input.path()), log: None, counted: false, cores: 1, limit };
            let ended = boot.run(seen)?;
            verdict::judge(machine, &ended)?;
            ended
        }
        Place::Host => {
            let input = Input::plain(order.as_bytes())?;
            let mut command = match request.tool {
                Some(Tool::Valgrind) => {
                    let mut command = Command::new("valgrind");
                    command.args(["--quiet", "--error-exitcode=99"]).arg(program);
                    command
                }
                _ => Command::new(program),
            };
            command.stdin(fs::File::open(input.path()).context("cannot open the order again")?);
            let ended = process::run(command, limit, seen).context("cannot run the hosted program")?;
            judge(&ended)?;
            ended
        }
    };
    let output = String::from_utf8_lossy(&ended.output).into_owned();
    let done =
        verdict::done(&output).map_err(|cause| anyhow::anyhow!("its last line is not `DONE n/n` ({cause:?})"))?;
    ensure!(done.0 == request.count, "{} operations were to be done, and {} were", request.count, done.0);
    let digest = output.lines().find_map(|line| line.strip_prefix("digest ")).context("it printed no digest")?;
    Ok(Ran { digest: digest.to_owned(), took: ended.took })
}

/// Whether the hosted program ended well.
fn judge(ended: &Ended) -> Result<()> {
    let errors = String::from_utf8_lossy(&ended.errors);
    let output = String::from_utf8_lossy(&ended.output);
    let told = output.lines().find(|line| line.starts_with("FAIL ")).unwrap_or_else(|| errors.trim());
    match ended.status {
        Status::Exited(0) => Ok(()),
        Status::Exited(status) => bail!("the hosted program ended with status {status}: {told}"),
        Status::Signalled(signal) => bail!("signal {signal} ended the hosted program: {told}"),
        Status::TimedOut(overrun) => bail!("{overrun}; the hosted program was ended"),
    }
}

impl Request {
    /// The limit: some ten times the time that so many operations take. The program prints its progress at intervals.
    fn limit(&self, place: Place) -> Limit {
        let a_second = match (place, self.tool, self.profile) {
            (Place::Host, Some(Tool::Valgrind), _) => 200,
            (Place::Host, _, Profile::Debug) => 5_000,
            (Place::Host, _, _) => 20_000,
            (Place::Machine(_), _, Profile::Debug) => 200,
            (Place::Machine(_), _, _) => 1_000,
        };
        Limit::of_all(Duration::from_secs(120 + self.count / a_second))
    }
}
