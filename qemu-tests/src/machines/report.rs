//! The table of `cargo xtask machines`: a row is printed when it is complete, and may be written as JSON.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::machine::Machine;
use crate::tally::Tally;

/// The result of one machine.
pub(super) struct Row {
    pub(super) machine: &'static Machine,
    /// How many guests ran, and which of them failed and why; or what QEMU lacks.
    pub(super) outcome: Result<(usize, Vec<(String, String)>), String>,
}

pub(super) struct Report(Vec<Row>);

impl Report {
    /// Prints the head of the table.
    pub(super) fn begin() -> Self {
        println!("{:<24}{:>8}{:>10}", "machine", "guests", "failures");
        Self(Vec::new())
    }

    /// Prints a row, and what failed on standard error.
    pub(super) fn add(&mut self, row: Row) {
        let name = row.machine.name;
        match &row.outcome {
            Ok((guests, failures)) => {
                println!("{name:<24}{guests:>8}{:>10}", failures.len());
                for (guest, problem) in failures {
                    eprintln!("\n{guest} on {problem}\n");
                }
            }
            Err(lack) => println!("{name:<24}{:>8}{:>10}  {lack}", "-", "-"),
        }
        self.0.push(row);
    }

    /// Writes the rows to `file`, as an array of objects.
    pub(super) fn write(&self, file: &Path) -> Result<()> {
        let rows: Vec<_> = self.0.iter().map(Row::object).collect();
        let text = format!("{:#}\n", Value::from(rows));
        fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
    }

    /// Whether something was run, and all of it passed. Prints the sum.
    pub(super) fn verdict(&self) -> Result<()> {
        let ran: Vec<_> = self.0.iter().filter_map(|row| row.outcome.as_ref().ok()).collect();
        let (guests, failures) =
            ran.iter().fold((0, 0), |sum, (guests, failures)| (sum.0 + guests, sum.1 + failures.len()));
        println!("{}", Tally { attempts: guests as u64, failures: failures as u64 }.line("machines"));
        match (guests, failures) {
            (0, _) => bail!("nothing was run"),
            (_, 0) => Ok(()),
            _ => bail!("{failures} of {guests} boots failed"),
        }
    }
}

impl Row {
    fn object(&self) -> Value {
        let name = self.machine.name;
        let command = format!("cargo xtask machines '{name}'");
        match &self.outcome {
            Ok((guests, failures)) => {
                let failed: Vec<_> = failures.iter().map(|(guest, _)| guest.as_str()).collect();
                json!({
                    "name": "guests", "machine": name, "attempts": guests, "failures": failed.len(), "failed": failed,
                    "command": command,
                })
            }
            Err(lack) => json!({
                "name": "guests", "machine": name, "attempts": 0, "failures": 0, "not_run": lack, "command": command,
            }),
        }
    }
}
