//! The programs in C of `crates/greenlet-c/tests/c`: compiled in several ways, linked with the archive, run hosted and
//! on bare metal; and the firmware of `examples/firmware-c`.
//!
//! The suite uses the C compiler that rustc links with, and those for aarch64 and for a Cortex-M4 where they are
//! installed; `cargo xtask c-suite` uses all of [`WAYS`].

mod count;
mod ways;

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

pub use self::count::{is_stated_compiler, round_trip};
pub use self::ways::{WAYS, Way};
use crate::limit::Limit;
use crate::machine::Machine;
use crate::process::{self, Ended, Status};
use crate::tools::{self, Needs};
use crate::{environment, places};

/// For programs of C.
const LIMIT: Limit = Limit::of_silence(Duration::from_secs(60));
/// For a compiler and a linker: a hundred times what they take.
const TOOL_LIMIT: Limit = Limit::of_all(Duration::from_secs(120));
/// For cargo, which may wait for another one that builds.
const CARGO_LIMIT: Limit = Limit::of_all(Duration::from_secs(1800));

/// A program, the exit status with which it ends, and how its last line begins.
pub type Program = (&'static str, i32, &'static str);

/// The programs.
pub const PROGRAMS: [Program; 8] = [
    ("suite", 0, "DONE 197/197"),
    ("misuse", 0, "DONE 78/78"),
    ("hub", 0, "DONE 95/95"),
    ("limits", 0, "DONE 65/65"),
    ("hostile", 0, "DONE 31/31"),
    ("overflow", 0, "DONE 5/5"),
    ("freed", 101, "panic: a greenlet was used after its last reference was given up"),
    ("panics", 101, "panic: greenlet_unref: this reference was given up before"),
];

/// The families of scenarios, and how many each has.
pub const FAMILIES: [(&str, usize); 4] = [("core", 198), ("ctx", 55), ("drop", 126), ("trace", 99)];

/// The package.
#[must_use]
pub fn package() -> PathBuf {
    places::root().join("crates/greenlet-c")
}

/// Builds the archive for a machine, or for the host; returns its path.
///
/// # Errors
///
/// When it does not build; with what cargo said.
pub fn archive(machine: Option<&Machine>) -> Result<PathBuf> {
    archive_with("c", machine, &[])
}

/// [`archive`], in another folder and with further arguments of cargo.
fn archive_with(folder: &str, machine: Option<&Machine>, arguments: &[&str]) -> Result<PathBuf> {
    let mut target = places::built()?.with_file_name(folder);
    let mut cargo = environment::cargo();
    cargo.current_dir(places::root()).args(["rustc", "--quiet", "--package", "greenlet-c", "--profile", "archive"]);
    cargo.args(arguments);
    cargo.args(["--crate-type", "staticlib", "--features", "panic-handler"]).arg("--target-dir").arg(&target);
    if let Some(machine) = machine {
        cargo.args(["--target", machine.target]);
        target.push(machine.target);
    }
    run_tool(cargo, CARGO_LIMIT)?;
    Ok(target.join("archive/libgreenlet_c.a"))
}

/// Runs all programs and scenarios in all ways, a row for each way.
///
/// # Errors
///
/// When one fails, after all have run.
pub fn show() -> Result<()> {
    let mut needs = Needs::default();
    WAYS.iter().for_each(|way| needs.all_of(&way.needs()));
    tools::ensure(&needs)?;
    let mut failures = 0;
    for way in WAYS.iter() {
        let archive = archive(way.machine())?;
        let mut row = format!("{:<16}", way.name);
        let mut note = |name: &str, result: Result<()>| {
            if let Err(error) = result {
                eprintln!("{error:#}");
                row += &format!(" {name} FAILED");
                failures += 1;
            } else {
                row += &format!(" {name}");
            }
        };
        PROGRAMS.into_iter().for_each(|program| note(program.0, way.run(&archive, program)));
        note("conformance", way.conforms(&archive));
        println!("{row}");
    }
    ensure!(failures == 0, "{failures} failed");
    Ok(())
}

/// What a program has printed. Where semihosting is the console, it goes to standard error.
fn text(ended: &Ended) -> String {
    String::from_utf8_lossy(&ended.output).into_owned() + &String::from_utf8_lossy(&ended.errors)
}

/// Runs a command line of the README of `examples/firmware-c` in its folder, by the shell; returns what it printed.
///
/// # Errors
///
/// When it fails, or runs into its limit; with what it said.
pub fn firmware(line: &str) -> Result<String> {
    let mut shell = environment::clean(Command::new("sh"));
    shell.current_dir(places::root().join("examples/firmware-c")).args(["-c", line]);
    // It builds by cargo, and a firmware that panics sleeps for ever.
    run_tool(shell, Limit { silence: LIMIT.total, total: CARGO_LIMIT.total })
}

/// Builds the firmware of `examples/firmware-c` by Clang for a board of its Makefile, which is `machine`, with an
/// archive at that level of optimization; returns its file.
///
/// # Errors
///
/// When something does not build; with what was said.
pub fn firmware_at(level: &str, board: &str, machine: &Machine) -> Result<PathBuf> {
    let setting = match level.parse::<u8>() {
        Ok(number) => format!("profile.archive.opt-level={number}"),
        Err(_) => format!("profile.archive.opt-level=\"{level}\""),
    };
    let archive = archive_with("c-small", Some(machine), &["--config", &setting])?;
    let build = format!("build/at-{level}/{board}");
    firmware(&format!("make BOARD={board} BUILD={build} 'ARCHIVE={}' {build}/firmware.elf", archive.display()))?;
    Ok(places::root().join("examples/firmware-c").join(build).join("firmware.elf"))
}

/// Runs a tool to its end, which has to come within its `limit`; returns what it printed, also with an error.
fn run_tool(mut command: Command, limit: Limit) -> Result<String> {
    let name = command.get_program().to_owned();
    let words: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
    let line = format!("{} {}", name.display(), words.join(" "));
    command.stdin(Stdio::null());
    let ended = process::run(command, limit, |_| Ok(())).with_context(|| format!("cannot start {}", name.display()))?;
    match ended.status {
        Status::Exited(0) => Ok(text(&ended)),
        Status::TimedOut(overrun) => bail!("{line}\nwas ended: {overrun}\n{}", text(&ended)),
        status => bail!("{line}\n{status:?}\n{}", text(&ended)),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::run_tool;
    use crate::limit::Limit;

    #[test]
    fn a_tool_that_hangs_is_ended_and_one_that_fails_is_quoted() {
        let shell = |line: &str, limit| {
            let mut shell = Command::new("sh");
            shell.args(["-c", line]);
            run_tool(shell, limit).map_err(|error| format!("{error:#}"))
        };
        let (short, long) = (Limit::of_all(Duration::from_millis(200)), Limit::of_all(Duration::from_secs(60)));
        let hung = shell("echo begun; sleep 600", short).unwrap_err();
        assert!(hung.contains("sleep 600") && hung.contains("was ended: no ") && hung.contains("begun"), "{hung}");
        let failed = shell("echo wrong >&2; exit 3", long).unwrap_err();
        assert!(failed.contains("Exited(3)") && failed.contains("wrong"), "{failed}");
        assert_eq!(shell("echo out; echo err >&2", long).as_deref(), Ok("out\nerr\n"));
    }
}
