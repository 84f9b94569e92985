//! Runs the command of a row, and reads the number of attempts from its output.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::rows::{Counts, Row};
use crate::limit::Limit;
use crate::process::{self, Ended, Status};
use crate::tally::Tally;
use crate::{environment, places, transcript};

/// The limit of a command that does not end by itself. Each has limits of its own, which are far lower.
const LIMIT: Limit = Limit::of_all(Duration::from_secs(24 * 3600));

/// The exit status of the runner's commands if a tool is missing.
const MISSING: i32 = 3;

/// The result of a row.
#[derive(Debug, PartialEq)]
pub(super) enum Outcome {
    /// It ran, with these counts, for this time.
    Ran(Tally, Duration),
    /// It was not run, for this reason.
    NotRun(String),
}

/// Runs commands.
pub(super) struct Runner {
    /// This program.
    own: PathBuf,
    /// The folder for their outputs.
    folder: PathBuf,
    /// The target directory of this program.
    target: PathBuf,
}

impl Runner {
    /// Determines the paths, before a command builds anything.
    pub(super) fn here() -> Result<Self> {
        let own = env::current_exe().context("cannot find the path of this program")?;
        let built = places::built()?;
        let folder = built.join("reliability");
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let target = built.parent().unwrap_or(&built).to_owned();
        Ok(Self { own, folder, target })
    }

    /// Runs the command of `row`. Its output is kept in a file, whose path is printed if it failed.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub(super) fn run(&self, row: &Row, line: &str) -> Result<Outcome> {
        let command = self.command(line).with_context(|| format!("no command: {line}"))?;
        let ended = process::run(command, LIMIT, |_| Ok(())).with_context(|| format!("cannot run {line}"))?;
        let outcome = judge(row.promise.counts, &ended);
        let (output, errors) = (transcript::text(&ended.output), transcript::text(&ended.errors));
        let file = self.folder.join(format!("{}-{}.log", row.promise.name, row.place));
        fs::write(&file, format!("{line}\n\n{output}\n{errors}\n{:?}\n", ended.status))
            .with_context(|| format!("cannot write {}", file.display()))?;
        if matches!(outcome, Outcome::Ran(tally, _) if tally.failures > 0) {
            let said = if errors.trim().is_empty() { &output } else { &errors };
            eprintln!("failed; its last words, and all of it in {}:\n{}\n", file.display(), transcript::tail(said));
        }
        Ok(outcome)
    }

    /// The process that a command line stands for.
    fn command(&self, line: &str) -> Option<Command> {
        let words = shlex::split(line)?;
        let (program, words) = words.split_first()?;
        let mut command = match (program.as_str(), words) {
            // `cargo xtask` is this program itself, which need not be built again.
            ("cargo", [alias, words @ ..]) if alias == "xtask" => with(Command::new(&self.own), words),
            ("cargo", words) => with(environment::cargo(), words),
            (_, words) => with(environment::clean(Command::new(places::root().join(program))), words),
        };
        command.current_dir(places::root()).env("CARGO_TARGET_DIR", &self.target);
        Some(command)
    }
}

fn with(mut command: Command, words: &[String]) -> Command {
    command.args(words);
    command
}

/// Judges a command by its status and output.
fn judge(counts: Counts, ended: &Ended) -> Outcome {
    let (output, errors) = (transcript::text(&ended.output), transcript::text(&ended.errors));
    if ended.status == Status::Exited(MISSING) {
        return Outcome::NotRun(reason(&errors));
    }
    let read = match counts {
        Counts::Tallies => Tally::told(&output),
        Counts::Tests => Tally::of_tests(&output),
    };
    let mut tally = read.unwrap_or_default();
    // A command without attempts is no success, and one that did not end well has failed, whatever it counted.
    if tally.attempts == 0 || ended.status != Status::Exited(0) {
        tally.failures = tally.failures.max(1);
    }
    Outcome::Ran(tally, ended.took)
}

/// The message of a command that lacks a tool: from its error on, in one line.
fn reason(errors: &str) -> String {
    let complaint = ["error: ", "skipped: "].iter().filter_map(|word| errors.find(word)).min();
    errors[complaint.unwrap_or(0)..].split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::{Overrun, OwnTime, Part};

    fn judged(counts: Counts, status: Status, output: &str, errors: &str) -> Outcome {
        judge(counts, &Ended { status, output: output.into(), errors: errors.into(), took: Duration::ZERO })
    }

    fn ran(attempts: u64, failures: u64) -> Outcome {
        Outcome::Ran(Tally { attempts, failures }, Duration::ZERO)
    }

    #[test]
    fn counts_are_those_that_were_printed() {
        let tallies = "tally a: 5 attempts, 0 failures\ntest result: ok. 2 passed; 0 failed; 0 ignored\n";
        assert_eq!(judged(Counts::Tallies, Status::Exited(0), tallies, ""), ran(5, 0));
        assert_eq!(judged(Counts::Tests, Status::Exited(0), tallies, ""), ran(2, 0));
        assert_eq!(
            judged(Counts::Tallies, Status::Exited(1), "tally a: 5 attempts, 2 failures\n", "error: x"),
            ran(5, 2)
        );
    }

    #[test]
    fn no_bad_end_and_no_silence_is_a_success() {
        let well = "tally a: 5 attempts, 0 failures\n";
        let overrun = Overrun { part: Part::Total, time: OwnTime::default(), clock: 0 };
        for status in [Status::Exited(1), Status::Exited(101), Status::Signalled(9), Status::TimedOut(overrun)] {
            assert_eq!(judged(Counts::Tallies, status, well, ""), ran(5, 1), "{status:?}");
        }
        assert_eq!(judged(Counts::Tallies, Status::Exited(0), "", ""), ran(0, 1));
        assert_eq!(judged(Counts::Tests, Status::Exited(0), "test result: ok. 0 passed; 0 failed; ", ""), ran(0, 1));
    }

    #[test]
    fn what_is_missing_is_named_with_its_remedy() {
        let errors = "  Compiling x\nerror: valgrind is not installed\n\n  apt-get install valgrind\n";
        assert_eq!(
            judged(Counts::Tallies, Status::Exited(MISSING), "", errors),
            Outcome::NotRun("error: valgrind is not installed apt-get install valgrind".to_owned())
        );
    }
}
