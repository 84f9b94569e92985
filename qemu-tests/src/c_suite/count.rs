//! Instructions of a round trip in C: what valgrind counts in a run, less what it counts in one with half as many.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{TOOL_LIMIT, WAYS, package, run_tool};
use crate::environment;

/// How many round trips more the second run makes.
const ROUND_TRIPS: u64 = 1000;

/// The instructions of a round trip of `tests/c/count.c`, by the compiler of the suite, its caller's loop included.
///
/// # Errors
///
/// When it does not build or run, or if not every round trip takes as many.
pub fn round_trip(archive: &Path) -> Result<u64> {
    let program = WAYS[0].build(archive, "count", &package().join("tests/c/count.c"), false, &[])?;
    let instructions = |round_trips: u64| -> Result<u64> {
        let dump = program.with_extension("callgrind");
        let mut valgrind = environment::clean(Command::new("valgrind"));
        valgrind.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", dump.display()));
        valgrind.arg(&program).arg(round_trips.to_string());
        run_tool(valgrind, TOOL_LIMIT)?;
        let text = fs::read_to_string(&dump).with_context(|| format!("cannot read {}", dump.display()))?;
        let total = text.lines().find_map(|line| line.strip_prefix("totals: ")).context("a dump without a total")?;
        Ok(total.trim().parse()?)
    };
    let more = instructions(2 * ROUND_TRIPS)?.checked_sub(instructions(ROUND_TRIPS)?);
    let more = more.context("twice as many take less")?;
    // What the program does once may differ by a few, such as the digits of its argument.
    let round_trip = (more + ROUND_TRIPS / 2) / ROUND_TRIPS;
    ensure!(more.abs_diff(round_trip * ROUND_TRIPS) < ROUND_TRIPS / 10, "{more} for {ROUND_TRIPS}");
    Ok(round_trip)
}

/// Whether the compiler of the suite is the one with which the README states its figure.
///
/// # Errors
///
/// When it does not start.
pub fn is_stated_compiler() -> Result<bool> {
    let mut compiler = environment::clean(Command::new("cc"));
    compiler.arg("--version");
    let said = run_tool(compiler, TOOL_LIMIT)?;
    Ok(said.lines().next().is_some_and(|line| !line.contains("clang") && line.contains(" 12.")))
}
