//! The command line.

use crate::work::Work;
use anyhow::{Context, Result, bail};
use lexopt::prelude::*;
use std::path::PathBuf;

/// What `--help` prints.
pub(crate) const USAGE: &str = "\
Measures greenlet beside other stackful coroutines, in the same processes, in turn.

cargo xtask bench-peers [--quick] [--json FILE] [--python]
cargo xtask bench-peers --counts
cargo xtask bench-peers --server
cargo xtask bench-peers --forwarding

  --quick       few rounds, no more than 10,000 alive, for a look; docs/performance.md stays as it is
  --json FILE   writes the rows there, too
  --python      runs python/peers.py, which needs python3 with greenlet, and adds its rows
  --counts      instructions instead of times, under valgrind; compare with `cargo xtask speed`, which keeps ours
  --server      the server of examples/unikernel beside one on Embassy: exact instructions of a request, by QEMU;
                writes docs/unikernel.svg
  --forwarding  an experiment: what it costs to load what many places of a program have stored; x86_64

Without --quick it takes a few minutes, and writes docs/performance.md and its plots.
";

const ALONE: &str = "--counts, --server and --forwarding go with nothing else; --forwarding is for x86_64";

/// What is asked for.
#[derive(Debug)]
pub(crate) enum Request {
    /// Measure all, and report.
    Bench(Options),
    /// Count instructions.
    Counts,
    /// Count instructions of servers.
    Server,
    /// Show how many places that store the processor keeps in mind.
    #[cfg(target_arch = "x86_64")]
    Forwarding,
    /// Do one work of one peer, for the process that counts.
    Count {
        operations: usize,
        work: Work,
        peer: String,
    },
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
    read().context("see `cargo xtask bench-peers --help`")
}

fn read() -> Result<Request> {
    let mut parser = lexopt::Parser::from_env();
    let mut options = Options::default();
    let mut instead = None;
    while let Some(argument) = parser.next()? {
        match argument {
            Long("quick") => options.quick = true,
            Long("json") => options.json = Some(parser.value()?.into()),
            Long("python") => options.python = true,
            Long("counts") if instead.is_none() => instead = Some(Request::Counts),
            Long("server") if instead.is_none() => instead = Some(Request::Server),
            #[cfg(target_arch = "x86_64")]
            Long("forwarding") if instead.is_none() => instead = Some(Request::Forwarding),
            Long("counts" | "server" | "forwarding") => bail!(ALONE),
            Long("help") | Short('h') => return Ok(Request::Help),
            Value(word) if word == "measure" => return measure(parser),
            Value(word) if word == "count" => return count(parser),
            other => bail!(other.unexpected()),
        }
    }
    match (instead, options) {
        (Some(request), Options { quick: false, json: None, python: false }) => Ok(request),
        (Some(_), _) => bail!(ALONE),
        (None, options) => Ok(Request::Bench(options)),
    }
}

/// `measure ROUNDS WORK...`
fn measure(mut parser: lexopt::Parser) -> Result<Request> {
    let rounds = parser.value()?.parse()?;
    let mut works = Vec::new();
    while let Some(argument) = parser.next()? {
        let Value(name) = argument else { bail!(argument.unexpected()) };
        works.push(work(&name.string()?)?);
    }
    Ok(Request::Measure { works, rounds })
}

/// `count OPERATIONS WORK PEER`
fn count(mut parser: lexopt::Parser) -> Result<Request> {
    let operations = parser.value()?.parse()?;
    let work = work(&parser.value()?.string()?)?;
    Ok(Request::Count { operations, work, peer: parser.value()?.string()? })
}

fn work(name: &str) -> Result<Work> {
    Work::named(name).with_context(|| format!("there is no work `{name}`"))
}
