//! `cargo xtask reliability`: attacks each promise as often as `docs/reliability.md` says, and prints a table of the
//! results.
//!
//! A row is a command line of the runner, run as a user would run it, and the counts that it printed: no figure of the
//! table is in the source. If a tool that a row needs is missing, the row says so, with the remedy, and counts nothing.

mod report;
mod rows;
mod run;

use std::path::PathBuf;

use anyhow::{Result, bail};

use self::report::Report;
pub use self::rows::{PROMISES, Promise, Size};
use crate::cli::Misuse;
use crate::tools::{self, Needs};

/// Which rows run, and where the results are written.
#[derive(Debug, Default, PartialEq)]
pub struct Request {
    /// Names of promises. If there are none, all run.
    pub names: Vec<String>,
    /// Places, of those that a promise has. If there are none, all.
    pub only: Vec<String>,
    /// Whether to run at the size of CI.
    pub quick: bool,
    /// The file to which the rows are written as JSON.
    pub json: Option<PathBuf>,
}

/// Runs these rows, and prints each when it is done.
///
/// # Errors
///
/// If no promise has such a name, QEMU is missing, or something failed; [`Missing`](tools::Missing) if nothing failed,
/// but not everything was run.
pub fn show(request: &Request) -> Result<()> {
    let rows = rows::selected(&request.names, &request.only).map_err(Misuse)?;
    if rows.iter().any(|row| row.place != rows::HOST) {
        tools::ensure(&Needs::everything())?;
    }
    let size = if request.quick { Size::Quick } else { Size::Full };
    let runner = run::Runner::here()?;
    let mut report = Report::begin();
    for row in rows {
        let command = row.promise.command(row.place, size);
        eprintln!("{}, {}: {command}", row.promise.name, row.place);
        let outcome = runner.run(&row, &command)?;
        report.add(row, command, outcome);
        // Written after each row, and not only at the end: a full run takes hours.
        if let Some(file) = &request.json {
            report.write(file)?;
        }
    }
    match report.verdict() {
        Ok(()) => Ok(()),
        Err(report::Lack::Failed(problem)) => bail!(problem),
        Err(report::Lack::NotRun(problem)) => bail!(tools::Missing(problem)),
    }
}
