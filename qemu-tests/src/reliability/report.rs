//! The table of `cargo xtask reliability`: a row is printed when it is complete, and may be written as JSON.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::rows::Row;
use super::run::Outcome;
use crate::tally::Tally;

/// A row with its result.
struct Done {
    row: Row,
    command: String,
    outcome: Outcome,
}

/// Why the run is not a success.
#[derive(Debug, PartialEq)]
pub(super) enum Lack {
    /// Something failed.
    Failed(String),
    /// Nothing failed, and not everything was run.
    NotRun(String),
}

pub(super) struct Report(Vec<Done>);

impl Report {
    /// Prints the head of the table.
    pub(super) fn begin() -> Self {
        println!("{:<26}{:<19}{:>12}{:>10}  command", "promise", "machine", "attempts", "failures");
        Self(Vec::new())
    }

    /// Prints a row.
    pub(super) fn add(&mut self, row: Row, command: String, outcome: Outcome) {
        let (name, place) = (row.promise.name, row.place);
        match &outcome {
            Outcome::Ran(Tally { attempts, failures }, took) => {
                println!("{name:<26}{place:<19}{attempts:>12}{failures:>10}  {command}");
                eprintln!("  took {took:.0?}");
            }
            Outcome::NotRun(reason) => println!("{name:<26}{place:<19}{:>12}{:>10}  not run: {reason}", 0, 0),
        }
        self.0.push(Done { row, command, outcome });
    }

    /// Writes the rows to `file`, as an array of objects.
    pub(super) fn write(&self, file: &Path) -> Result<()> {
        let rows: Vec<_> = self.0.iter().map(Done::object).collect();
        let text = format!("{:#}\n", Value::from(rows));
        fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
    }

    /// Whether all of it was run, and nothing failed.
    pub(super) fn verdict(&self) -> Result<(), Lack> {
        let names = |which: fn(&Outcome) -> bool| -> Vec<_> {
            let rows = self.0.iter().filter(|done| which(&done.outcome));
            rows.map(|done| format!("{} ({})", done.row.promise.name, done.row.place)).collect()
        };
        let failed = names(|outcome| matches!(outcome, Outcome::Ran(tally, _) if tally.failures > 0));
        let not_run = names(|outcome| matches!(outcome, Outcome::NotRun(_)));
        match (failed.is_empty(), not_run.is_empty()) {
            (true, true) => Ok(()),
            (true, false) => Err(Lack::NotRun(format!("nothing failed, and not run: {}", not_run.join(", ")))),
            (false, true) => Err(Lack::Failed(format!("failed: {}", failed.join(", ")))),
            (false, false) => {
                Err(Lack::Failed(format!("failed: {}; not run: {}", failed.join(", "), not_run.join(", "))))
            }
        }
    }
}

impl Done {
    fn object(&self) -> Value {
        let (name, machine, command) = (self.row.promise.name, self.row.place, &self.command);
        match &self.outcome {
            Outcome::Ran(Tally { attempts, failures }, _) => json!({
                "name": name, "machine": machine, "attempts": attempts, "failures": failures, "command": command,
            }),
            Outcome::NotRun(reason) => json!({
                "name": name, "machine": machine, "attempts": 0, "failures": 0, "not_run": reason, "command": command,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::reliability::PROMISES;

    fn report(outcomes: Vec<Outcome>) -> Report {
        let done = |outcome| Done {
            row: Row { promise: &PROMISES[0], place: "aarch64" },
            command: "cargo x".to_owned(),
            outcome,
        };
        Report(outcomes.into_iter().map(done).collect())
    }

    fn ran(attempts: u64, failures: u64) -> Outcome {
        Outcome::Ran(Tally { attempts, failures }, Duration::ZERO)
    }

    #[test]
    fn a_failure_goes_before_what_was_not_run() {
        let not_run = || Outcome::NotRun("error: no valgrind".to_owned());
        assert_eq!(report(vec![ran(1, 0)]).verdict(), Ok(()));
        assert!(matches!(report(vec![ran(1, 0), not_run()]).verdict(), Err(Lack::NotRun(_))));
        let lack = report(vec![ran(1, 1), not_run()]).verdict().unwrap_err();
        let name = "interrupted-instructions (aarch64)";
        assert_eq!(lack, Lack::Failed(format!("failed: {name}; not run: {name}")));
    }

    #[test]
    fn an_object_has_the_fields_that_readers_rely_on() {
        let report = report(vec![ran(7, 1), Outcome::NotRun("why".to_owned())]);
        let objects: Vec<_> = report.0.iter().map(Done::object).collect();
        let fields = json!({
            "name": "interrupted-instructions", "machine": "aarch64", "attempts": 7, "failures": 1, "command": "cargo x",
        });
        assert_eq!(objects[0], fields);
        assert_eq!((&objects[1]["attempts"], &objects[1]["not_run"]), (&json!(0), &json!("why")));
    }
}
