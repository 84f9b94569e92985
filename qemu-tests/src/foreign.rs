//! Hosted programs of another instruction set: for Linux on aarch64, by QEMU's emulation of single programs.
//!
//! They are linked for musl, by the linker that rustc has with it, so they need no compiler and no libraries of that
//! target.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use crate::tools::Needs;

/// The target.
pub const TARGET: &str = "aarch64-unknown-linux-musl";

/// What runs its programs, and the Debian package that has it.
const EMULATOR: &str = "qemu-aarch64";
const PACKAGE: &str = "qemu-user";

/// The tests that start their own program again read this variable.
const TEST_RUNNER: &str = "GREENLET_TEST_RUNNER";

/// Adds the tools that are needed to build and run such programs.
pub fn needs(needs: &mut Needs) {
    needs.target(TARGET);
    needs.program(EMULATOR, PACKAGE);
}

/// Makes a `cargo` build for the target, and run what it builds.
pub(crate) fn apply(cargo: &mut Command) {
    cargo.args(["--target", TARGET]).env(TEST_RUNNER, EMULATOR);
    for (key, value) in [("linker", "rust-lld"), ("runner", EMULATOR)] {
        cargo.arg("--config").arg(format!("target.{TARGET}.{key}={value:?}"));
    }
}

/// A command that starts a hosted `program`, which may be a foreign one: those are in a folder named after the target.
pub(crate) fn command(program: &Path) -> Command {
    if program.iter().any(|part| part == OsStr::new(TARGET)) {
        let mut command = Command::new(EMULATOR);
        command.arg(program);
        command
    } else {
        Command::new(program)
    }
}
