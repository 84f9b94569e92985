//! Exact instructions of an operation, hosted: a work runs twice under valgrind, the second time for twice as many
//! operations.

use crate::entrants::{NAMES, ROUND_TRIP_ALONE, entrants};
use crate::images::{self, Checks};
use crate::report::grid::markdown;
use crate::work::Work;
use crate::works::WARM_UP;
use anyhow::{Context, Result, bail, ensure};
use std::path::Path;
use std::process::Command;

/// What is counted.
const WORKS: [Work; 10] = [
    Work::RoundTrip,
    Work::Sites8,
    Work::Bodies8,
    Work::Depth(4),
    Work::Value64,
    Work::Value256,
    Work::Throw(1),
    Work::Throw(5),
    Work::Create,
    Work::Kill,
];

/// The libraries whose instructions are counted.
const PEERS: [&str; 10] = [
    "raw",
    "greenlet",
    "greenlet-up",
    "greenlet-unchecked",
    "greenlet-up-unchecked",
    "corosensei",
    ROUND_TRIP_ALONE[0],
    ROUND_TRIP_ALONE[1],
    ROUND_TRIP_ALONE[2],
    ROUND_TRIP_ALONE[3],
];

/// Operations of the first run. A multiple of what `lap` and the work with eight places divide by.
const OPERATIONS: usize = 10 * WARM_UP * WARM_UP;

/// Counts and prints.
///
/// # Errors
///
/// When valgrind is missing, or something fails.
pub(crate) fn show() -> Result<()> {
    let valgrind = Command::new("valgrind").arg("--version").output();
    ensure!(valgrind.is_ok(), "there is no valgrind, which counts instructions; `apt-get install valgrind`");
    let programs = [images::build(Checks::On)?, images::build(Checks::Off)?];
    let mut table = vec![vec!["operation".to_owned()]];
    table[0].extend(PEERS.map(str::to_owned));
    for work in WORKS {
        let mut line = vec![work.to_string()];
        for peer in PEERS {
            let program = &programs[usize::from(peer.ends_with("-unchecked"))][0];
            let count = count(program, work, peer)?;
            line.push(count.map_or("-".into(), |count| count.to_string()));
        }
        table.push(line);
    }
    print!("{}", markdown(&table));
    Ok(())
}

/// Instructions of one operation, with the loop around it; `None` if the peer cannot.
fn count(program: &Path, work: Work, peer: &str) -> Result<Option<u64>> {
    let Some(once) = instructions(program, work, peer, OPERATIONS)? else { return Ok(None) };
    let Some(twice) = instructions(program, work, peer, 2 * OPERATIONS)? else { return Ok(None) };
    // What is done before the clock starts is counted, too.
    let more = (OPERATIONS + OPERATIONS / WARM_UP) as u64;
    let count = twice.checked_sub(once).context("more operations took fewer instructions")?;
    Ok(Some((count + more / 2) / more))
}

/// Instructions of a whole process.
fn instructions(program: &Path, work: Work, peer: &str, operations: usize) -> Result<Option<u64>> {
    let mut valgrind = Command::new("valgrind");
    // cachegrind counts as callgrind does, and follows no calls, which switches of stacks would confuse.
    valgrind.args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]).arg(program);
    valgrind.args(["count", &operations.to_string(), &work.to_string(), peer]);
    let output = valgrind.output().context("cannot start valgrind")?;
    let said = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => {}
        Some(code) if code == i32::from(CANNOT) => return Ok(None),
        _ => bail!("{valgrind:?} failed ({}):\n{said}", output.status),
    }
    let refs = said.lines().find_map(|line| line.split_once("refs:"));
    let digits: String = refs.context("valgrind counted nothing")?.1.chars().filter(char::is_ascii_digit).collect();
    digits.parse().map(Some).context("valgrind's count is no number")
}

/// The exit code of a process whose peer cannot do the work.
pub(crate) const CANNOT: u8 = 42;

/// In the process that is counted: does a work of a peer. False if it cannot.
///
/// # Errors
///
/// When there is no such peer.
pub(crate) fn run(work: Work, peer: &str, operations: usize) -> Result<bool> {
    let entrant = entrants().into_iter().find(|entrant| entrant.name == peer);
    let entrant = entrant.with_context(|| format!("there is no peer `{peer}` here; they are {NAMES:?}"))?;
    Ok((entrant.sample)(work, operations).is_some())
}
