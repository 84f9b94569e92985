//! Programs in the place of real ones, which do what a test tells them through a variable: links to `fakes.sh`. That is
//! a file of the project and not written by the tests, because a program that one thread writes while another forks
//! cannot be started (`ETXTBSY`).

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::{fs, os};

/// The folder of these programs, to be a `PATH`.
fn folder(name: &str, programs: &[&str]) -> io::Result<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fakes").join(name);
    fs::create_dir_all(&folder)?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("suite/fakes.sh");
    for program in programs {
        // Other tests make the same ones, and an earlier run has.
        os::unix::fs::symlink(&script, folder.join(program))
            .or_else(|error| if error.kind() == ErrorKind::AlreadyExists { Ok(()) } else { Err(error) })?;
    }
    Ok(folder)
}

/// A `PATH` without any program.
pub(crate) fn none() -> io::Result<PathBuf> {
    folder("none", &[])
}

/// One with each QEMU that machines need.
pub(crate) fn qemus() -> io::Result<PathBuf> {
    let names = ["aarch64", "arm", "riscv32", "riscv64", "x86_64"].map(|name| format!("qemu-system-{name}"));
    folder("qemu", &names.each_ref().map(String::as_str))
}

/// One with the tools that install.
pub(crate) fn installers() -> io::Result<PathBuf> {
    folder("install", &["apt-cache", "apt-get", "rustc", "rustup", "sudo"])
}

/// A Python with a greenlet package that is wrong about every scenario.
pub(crate) fn wrong_python() -> io::Result<PathBuf> {
    Ok(folder("python", &["python"])?.join("python"))
}

/// The fuzz program `fuzz-NAME`.
pub(crate) fn fuzz(name: &str) -> io::Result<PathBuf> {
    let program = format!("fuzz-{name}");
    Ok(folder("fuzz", &[&program])?.join(program))
}
