//! The hosted program, and valgrind, which counts what it executes.
//!
//! Callgrind counts; the program marks the beginning and end of each loop. Callgrind does not understand calls across a
//! change of stacks, but only the number of instructions is used.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::compile::{self, Profile};
use crate::limit::Limit;
use crate::process::{self as child, Status};
use crate::{environment, places};

/// The hosted example, and its package.
const NAME: &str = "operations";

/// Whether hosted programs can be counted here: a request to valgrind consists of instructions of x86-64.
pub(super) const IS_SUPPORTED: bool = cfg!(all(target_arch = "x86_64", target_os = "linux"));

/// Many times the time that it needs.
const LIMIT: Limit = Limit::of_silence(Duration::from_secs(120));
/// The same, with a crowd of ten thousand in each tree.
const CROWD_LIMIT: Limit = Limit::of_all(Duration::from_secs(1800));

/// The C library copies larger values by the fastest instructions of this processor. This setting restricts it to
/// instructions that every processor has. The names are those of several versions of the library.
const PLAIN_COPIES: &str = "glibc.cpu.hwcaps=-AVX_Usable,-AVX2_Usable,-AVX,-AVX2,-AVX512F,-ERMS,-FSRM";

/// Builds the program with features, in a target directory for each set of them.
pub(super) fn build(name: &str, features: &[&str]) -> Result<PathBuf> {
    compile::example_in(&places::built()?.join(name), NAME, NAME, Profile::Release, features)
}

/// Runs it. Returns lines in the format of the guest, and the version of its C library.
pub(super) fn run(program: &Path) -> Result<(String, String)> {
    Ok((dumped(program, None)?, libc()?))
}

/// Runs it with this number of idle greenlets. Returns lines in the format of the guest.
pub(super) fn run_among(program: &Path, crowd: usize) -> Result<String> {
    dumped(program, Some(crowd))
}

fn dumped(program: &Path, crowd: Option<usize>) -> Result<String> {
    let dumps = program.with_extension(format!("callgrind-{}", process::id()));
    let mut valgrind = environment::clean(Command::new("valgrind"));
    valgrind.args(["--tool=callgrind", "--combine-dumps=yes"]);
    valgrind.arg(format!("--callgrind-out-file={}", dumps.display())).arg(program);
    valgrind.args(crowd.map(|crowd| crowd.to_string()));
    valgrind.env("GLIBC_TUNABLES", PLAIN_COPIES);
    let ended =
        child::run(valgrind, crowd.map_or(LIMIT, |_| CROWD_LIMIT), |_| Ok(())).context("cannot start valgrind")?;
    let text = fs::read_to_string(&dumps);
    // In any case, also after a failure.
    let _removed = fs::remove_file(&dumps);
    if ended.status != Status::Exited(0) {
        bail!(
            "{} did not end well under valgrind ({:?}):\n{}",
            program.display(),
            ended.status,
            String::from_utf8_lossy(&ended.errors)
        );
    }
    lines(&text.with_context(|| format!("cannot read {}", dumps.display()))?)
}

/// The lines in the dumps: the name of each, and its total.
fn lines(dumps: &str) -> Result<String> {
    let (mut lines, mut name) = (String::new(), None);
    for line in dumps.lines() {
        if let Some(asked) = line.strip_prefix("desc: Trigger: ") {
            // The last dump is that of the program's end.
            name = asked.strip_prefix("Client Request: ");
        } else if let (Some(total), Some(name)) = (line.strip_prefix("totals: "), name) {
            lines += &format!("{name} {total}\n");
        }
    }
    ensure!(!lines.is_empty(), "valgrind dumped nothing that was requested");
    Ok(lines)
}

/// The version string of the C library.
fn libc() -> Result<String> {
    let output = Command::new("getconf").arg("GNU_LIBC_VERSION").output().context("cannot start getconf")?;
    ensure!(output.status.success(), "getconf does not print the version of the C library ({})", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::lines;

    #[test]
    fn each_dump_that_was_asked_for_is_a_line() {
        let dumps = "desc: Trigger: Client Request: ran up half 16\nfn=(1) ran\ntotals: 54\n\n\
                     desc: Trigger: Client Request: ran up half 32\ntotals: 86\n\n\
                     desc: Trigger: Program termination\ntotals: 9\n";
        assert_eq!(lines(dumps).unwrap(), "ran up half 16 54\nran up half 32 86\n");
    }

    #[test]
    fn a_program_that_requests_nothing_is_noticed() {
        assert!(lines("desc: Trigger: Program termination\ntotals: 9\n").is_err());
    }
}
