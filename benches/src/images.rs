//! The programs that measure: this one with the crate's checks, and without. Each is linked several times from the same
//! objects, with its code at other addresses, because some works take half as long again at some of them, for every
//! peer.

use anyhow::{Context, Result, ensure};
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the code of an image begins: bytes past a multiple of the page size, which address randomization does not
/// change. They differ in their place within a cache line, within 4 KiB, and in the sets of predictors.
const OFFSETS: [usize; 9] = [0, 16, 48, 112, 208, 336, 592, 1040, 2128];

/// Above everything that precedes the code in an image.
const BASE: usize = 0x400_0000;

/// Whether the crate checks stacks: features belong to a build, so there are two programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checks {
    On,
    Off,
}

impl Checks {
    fn name(self) -> &'static str {
        match self {
            Self::On => "checked",
            Self::Off => "unchecked",
        }
    }
}

/// Builds a program, and returns its images.
///
/// # Errors
///
/// When it does not build.
pub(crate) fn build(checks: Checks) -> Result<Vec<PathBuf>> {
    let package = package();
    let target = package.join("target").join(checks.name());
    let images = target.join("images");
    let addresses = OFFSETS.map(|offset| format!("{:#x}", BASE + offset));
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["rustc", "--quiet", "--release", "--manifest-path"]).arg(package.join("Cargo.toml"));
    cargo.arg("--target-dir").arg(&target);
    if checks == Checks::Off {
        cargo.args(["--features", "unchecked"]);
    }
    cargo.arg("--").arg(format!("-Clinker={}", package.join("relink").display()));
    cargo.env("BENCH_IMAGES", &images).env("BENCH_ADDRESSES", addresses.join(" "));
    let status = cargo.status().context("cannot start cargo")?;
    ensure!(status.success(), "the {} program did not build ({status})", checks.name());
    Ok(addresses.map(|address| images.join(address)).into())
}

/// The folder of this package.
pub(crate) fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
