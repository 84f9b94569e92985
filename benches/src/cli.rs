//! The command line.

use crate::work::Work;
use anyhow::{Context, Result, bail};
use lexopt::prelude::*;
use std::path::PathBuf;

/// What `--help` prints.
pub(crate) const USAGE: &str = "\
Measures greenlet beside other stackful coroutines, in one process, in turn.

cargo bench-peers [--quick] [--json FILE] [--python]

  --quick      few rounds, no more than 10,000 alive, for a look; docs/performance.md stays as it is
  --json FILE  writes the rows there, too
  --python     runs python/peers.py, which needs python3 with greenlet, and adds its rows

Without --quick it takes about ten minutes, and writes docs/performance.md and its plots.
";

/// What is asked for.
#[derive(Debug)]
pub(crate) enum Request {
    /// Measure all, and report.
    Bench(Options),
    /// Measure some, for the process that reports.
    Measure {
        works: Vec<Work>,
        rounds: usize,
    },
    Help,
}

/// How to run.
#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) quick: bool,
    pub(crate) json: Option<PathBuf>,
    pub(crate) python: bool,
}

/// Parses this process's arguments.
///
/// # Errors
///
/// When they are not those of the usage.
pub(crate) fn parse() -> Result<Request> {
    read().context("see `cargo bench-peers --help`")
}

fn read() -> Result<Request> {
    let mut parser = lexopt::Parser::from_env();
    let mut options = Options::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("quick") => options.quick = true,
            Long("json") => options.json = Some(parser.value()?.into()),
            Long("python") => options.python = true,
            Long("help") | Short('h') => return Ok(Request::Help),
            Value(word) if word == "measure" => return measure(parser),
            other => bail!(other.unexpected()),
        }
    }
    Ok(Request::Bench(options))
}

/// `measure ROUNDS WORK...`
fn measure(mut parser: lexopt::Parser) -> Result<Request> {
    let rounds = parser.value()?.parse()?;
    let mut works = Vec::new();
    while let Some(argument) = parser.next()? {
        let Value(name) = argument else { bail!(argument.unexpected()) };
        let name = name.string()?;
        works.push(Work::named(&name).with_context(|| format!("there is no work `{name}`"))?);
    }
    Ok(Request::Measure { works, rounds })
}
