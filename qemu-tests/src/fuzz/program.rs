//! One run of the fuzz program, hosted or booted, and the way in which it failed.

use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use conformance::Scenario;

use super::hunt::Stretch;
use crate::boot::{Boot, Input};
use crate::compile::{self, Profile};
use crate::conformance::Place;
use crate::limit::Limit;
use crate::process::{self, Ended, Status};
use crate::verdict::{self, Cause, Done};

/// The guest, and the hosted example: two programs of one name.
pub const NAME: &str = "fuzz";

/// The way of failure of a run that does not end.
const TIME: &str = "time";

/// The fuzz program, built for a place.
#[derive(Clone, Debug)]
pub struct Program {
    /// Where it runs.
    pub place: Place,
    /// How it was compiled.
    pub profile: Profile,
    /// Where it is.
    pub file: PathBuf,
}

/// What the program has to run.
#[derive(Clone, Copy, Debug)]
pub enum Order<'a> {
    /// Scenarios of a seed.
    Random(Stretch),
    /// One scenario.
    Written(&'a Scenario),
}

/// A run that did not end well.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The way in which it failed, in a word or two. Scenarios that fail in the same way are assumed to fail for the
    /// same reason.
    pub way: String,
    /// A description of the failure.
    pub story: String,
    /// The index of the scenario that was running, if there was one.
    pub index: Option<u64>,
}

impl Program {
    /// Builds it.
    ///
    /// # Errors
    ///
    /// When it does not build.
    pub fn build(place: Place, profile: Profile) -> Result<Self> {
        let file = match place {
            Place::Host => compile::example("conformance", NAME, profile)?,
            Place::Machine(machine) => compile::guest(machine.code(), profile, NAME)?,
        };
        Ok(Self { place, profile, file })
    }

    /// Runs it in a fresh process or a fresh boot; returns how it failed, if it did. `seen` is called with the index of
    /// each scenario when that begins.
    ///
    /// # Errors
    ///
    /// When nothing could be run at all.
    pub fn run(&self, order: Order<'_>, forgetful: bool, seen: impl FnMut(u64)) -> Result<Option<Failure>> {
        let text = format!("{}{order}", if forgetful { "forgetful\n" } else { "" });
        let mut indices = Indices { line: Vec::new(), seen, last: None };
        let mut piece = |piece: &[u8]| {
            indices.take(piece);
            io::Result::Ok(())
        };
        let (ended, well) = match self.place {
            Place::Machine(machine) => {
                let input = Input::for_board(text.as_bytes())?;
                let limit = order.limit(self.profile);
                let boot = Boot {
                    machine,
                    elf: &self.file,
                    input: Some(input.path()),
                    log: None,
                    counted: false,
                    cores: 1,
                    limit,
                };
                let ended = boot.run(&mut piece)?;
                let well = verdict::judge(machine, &ended).map_err(|failure| {
                    let way = match &failure.cause {
                        // The used time differs from run to run.
                        Cause::TimedOut(_) => TIME.to_owned(),
                        cause => format!("{cause:?}"),
                    };
                    (way, failure.to_string())
                });
                (ended, well)
            }
            Place::Host => {
                let input = Input::plain(text.as_bytes())?;
                let mut command = Command::new(&self.file);
                command.stdin(fs::File::open(input.path()).context("cannot open the order again")?);
                let ended = process::run(command, order.limit(self.profile), &mut piece);
                let ended = ended.context("cannot run the hosted program")?;
                let well = judge(&ended);
                (ended, well)
            }
        };
        let (way, story) = match well {
            Ok(Done(ran)) if ran == order.count() => return Ok(None),
            Ok(Done(ran)) => ("count".to_owned(), format!("{} scenarios were to run, and {ran} did", order.count())),
            Err((way, story)) => (way, violation(&ended).unwrap_or(story)),
        };
        // The way of a violation is its kind, wherever it was found.
        let way =
            story.strip_prefix("AUDIT ").and_then(|rest| rest.split_once(':')).map_or(way, |(kind, _)| kind.into());
        Ok(Some(Failure { way, story, index: indices.last }))
    }
}

/// How the hosted program ended; if it failed, the way and the output.
fn judge(ended: &Ended) -> Result<Done, (String, String)> {
    let (way, story) = match ended.status {
        Status::Exited(0) => {
            return verdict::done(&String::from_utf8_lossy(&ended.output))
                .map_err(|cause| (format!("{cause:?}"), format!("its last line is not `DONE n/n` ({cause:?})")));
        }
        Status::Exited(status) => (format!("status {status}"), format!("it ended with status {status}")),
        Status::Signalled(signal) => (format!("signal {signal}"), format!("signal {signal} ended it")),
        Status::TimedOut(overrun) => (TIME.to_owned(), overrun.to_string()),
    };
    let errors = String::from_utf8_lossy(&ended.errors);
    Err((way, format!("{story}\n{}", errors.trim()).trim_end().to_owned()))
}

/// The line that reports a violation.
fn violation(ended: &Ended) -> Option<String> {
    let output = String::from_utf8_lossy(&ended.output);
    output.lines().find(|line| line.starts_with("AUDIT ")).map(str::to_owned)
}

impl Order<'_> {
    /// How many scenarios it is about.
    fn count(self) -> u64 {
        match self {
            Self::Random(stretch) => stretch.count,
            Self::Written(_) => 1,
        }
    }

    /// The limit: some ten times the time that so many scenarios take. Each prints its number when it begins.
    fn limit(self, profile: Profile) -> Limit {
        const SILENCE: Duration = Duration::from_secs(20);
        let a_second = if profile == Profile::Debug { 10 } else { 100 };
        match self {
            Self::Random(stretch) => {
                Limit { silence: SILENCE, total: Duration::from_secs(60 + stretch.count / a_second) }
            }
            Self::Written(_) => Limit::of_all(SILENCE),
        }
    }
}

/// In the form that the program reads.
impl fmt::Display for Order<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Random(Stretch { seed, first, count }) => writeln!(f, "random {seed} {first} {count}"),
            Self::Written(scenario) => scenario.fmt(f),
        }
    }
}

/// Finds the lines `# INDEX` in output that arrives in pieces.
struct Indices<F> {
    /// A line whose end has not come yet.
    line: Vec<u8>,
    seen: F,
    last: Option<u64>,
}

impl<F: FnMut(u64)> Indices<F> {
    fn take(&mut self, piece: &[u8]) {
        for &byte in piece {
            if byte != b'\n' {
                self.line.push(byte);
                continue;
            }
            let index = self.line.strip_prefix(b"# ").and_then(|index| str::from_utf8(index).ok()?.parse().ok());
            if let Some(index) = index {
                self.last = Some(index);
                (self.seen)(index);
            }
            self.line.clear();
        }
    }
}
