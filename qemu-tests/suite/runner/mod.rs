//! The runner itself, tested from outside: what it says and how it exits when all goes wrong.
//!
//! Most of it runs against [`fakes`].

mod endings;
mod frames;
mod hits;
mod installs;
mod logs;
mod machines;
mod outside;
mod requests;
mod survey;
mod verdicts;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::{env, fs, io};

use libtest_mimic::Failed;
use qemu_tests::tools::Needs;

use crate::{Case, fakes};

/// Every test of the runner.
pub(crate) fn cases() -> Vec<Case> {
    let parts = [
        verdicts::cases(),
        endings::cases(),
        frames::cases(),
        hits::cases(),
        requests::cases(),
        installs::cases(),
        logs::cases(),
        machines::cases(),
        outside::cases(),
        survey::cases(),
    ];
    parts.into_iter().flatten().collect()
}

/// A test that needs nothing but the runner.
fn case(name: &str, test: impl FnOnce() -> Result<(), Failed> + Send + 'static) -> Case {
    Case::new(format!("runner::{name}"), Needs::default(), test)
}

/// A folder for what the test `name` writes, empty.
fn scratch(name: &str) -> io::Result<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("runner").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// The runner, with a `PATH` that has no QEMU on it, and with leave to install nothing.
fn runner(words: &[&str]) -> io::Result<Command> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qemu-tests"));
    command.args(words).env("PATH", fakes::none()?).env("GREENLET_NO_INSTALL", "1").stdin(Stdio::null());
    Ok(command)
}

/// The real `PATH`, to build with, and a fake QEMU before it.
fn path_with_fake_qemu() -> io::Result<OsString> {
    let mut path = vec![fakes::qemus()?];
    path.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    env::join_paths(path).map_err(io::Error::other)
}

/// The runner, about to boot a file on a fake QEMU of the machine with this number in ELF headers.
fn runner_with_fake(test: &str, elf_machine: u16, qemu: &str, words: &[&str]) -> io::Result<Command> {
    let elf = scratch(test)?.join("guest");
    fs::write(&elf, elf_header(elf_machine))?;
    let mut command = runner(&["run-elf"])?;
    command.args(words).arg(elf).env("PATH", fakes::qemus()?).env("FAKE_QEMU", qemu);
    Ok(command)
}

/// An ELF file as far as the runner looks at it: 64-bit, little-endian, for `machine`, without any section.
fn elf_header(machine: u16) -> Vec<u8> {
    let mut header = vec![0; 64];
    header[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    header[18..20].copy_from_slice(&machine.to_le_bytes());
    header[20] = 1; // the version of the format, once more
    header
}

/// The numbers of our machines in ELF headers.
const AARCH64: u16 = 183;
const X86_64: u16 = 62;

/// Runs `command`, and checks its exit status and that standard error has all of `parts`.
fn expect(mut command: Command, status: i32, parts: &[&str]) -> Result<Output, Failed> {
    let output = command.output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    let absent: Vec<_> = parts.iter().filter(|part| !errors.contains(**part)).collect();
    if output.status.code() == Some(status) && absent.is_empty() {
        return Ok(output);
    }
    let printed = String::from_utf8_lossy(&output.stdout);
    Err(format!(
        "{command:?}\nended with {}, expected {status}; not said: {absent:?}\nstdout:\n{printed}\nstderr:\n{errors}",
        output.status
    )
    .into())
}
