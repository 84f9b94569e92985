//! `cargo xtask reliability`: each promise attacked as often as `docs/reliability.md` says, and a table of what came of
//! it.
//!
//! A row is a command line of ours, run as a user would run it, and the counts that it printed: no figure in the table
//! is written down here. Where what a row needs is missing, that is said, with the remedy, and the row counts nothing.

mod report;
mod rows;
mod run;

use std::path::PathBuf;

use anyhow::{Result, bail};

use self::report::Report;
pub use self::rows::{PROMISES, Promise, Size};
use crate::cli::Misuse;
use crate::tools::{self, Needs};

/// Which rows are to run, and where the results go.
#[derive(Debug, Default, PartialEq)]
pub struct Request {
    /// Names of promises. All, if there are none.
    pub names: Vec<String>,
    /// Places, of those that a promise has. All, if there are none.
    pub only: Vec<String>,
    /// At the size that CI has time for.
    pub quick: bool,
    /// The file that gets the rows as JSON.
    pub json: Option<PathBuf>,
}

/// Runs these rows, and prints each when it is done.
///
/// # Errors
///
/// When no promise is called so, QEMU is missing, or something failed; [`Missing`](tools::Missing) when nothing failed,
/// and not everything was run.
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
        // Now, and not at the end alone: a full run takes hours.
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
