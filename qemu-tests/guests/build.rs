//! Links every guest with the script of the machine that it is built for. Of `guests` and of `feature-guests`, which
//! are neighbours.
//!
//! All link arguments are here and none in a cargo configuration, so that a plain `cargo build --target ...` does it.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// Set by the runner.
const LAYOUT: &str = "GREENLET_LAYOUT";

/// What a guest is linked with that others are not.
enum Link {
    /// A section for what it logs. Its head says `//@ defmt`.
    Defmt,
    /// A memory region for stacks, and `greenlet.x`.
    StacksApart,
}

/// The guests that are linked so, of both packages. They are named here because cargo links all guests anew whenever
/// this script has to run: it must not depend on their sources.
const SPECIAL: [(&str, Link); 3] = [("defmt", Link::Defmt), ("high_water", Link::Defmt), ("placed", Link::StacksApart)];

fn main() {
    let arch = env::var("CARGO_CFG_TARGET_ARCH").expect("cargo sets it for build scripts");
    let os = env::var("CARGO_CFG_TARGET_OS").expect("cargo sets it for build scripts");
    // Of RISC-V: the compiler uses floating point registers. No stable cfg of its own says so.
    println!("cargo::rustc-check-cfg=cfg(hard_float)");
    if env::var("TARGET").is_ok_and(|target| target.starts_with("riscv64gc")) {
        println!("cargo::rustc-cfg=hard_float");
    }
    if os != "none" {
        // Nothing to link: the board stops this build with a message that names the targets.
        return;
    }

    let folder =
        Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it for build scripts")).join("../../linker");
    let starts = |with| env::var("TARGET").is_ok_and(|target| target.starts_with(with));
    // One script for both widths of RISC-V, and for the machine `virt` of Arm.
    let place = if starts("armv7a") { "aarch64" } else { &arch };
    let script = folder.join(format!("qemu-{}.ld", if arch.starts_with("riscv") { "riscv" } else { place }));
    // Of Cortex-M one for both boards, of which each has targets of its own.
    let is_an505 = starts("thumbv8m");
    println!("cargo::rerun-if-changed={}", script.display());
    println!("cargo::rustc-link-arg-bins=--script={}", script.display());

    // For another machine of the architecture, which has memory elsewhere: its name is a symbol to the script.
    println!("cargo::rerun-if-env-changed={LAYOUT}");
    let layout = env::var(LAYOUT).ok().or_else(|| is_an505.then(|| "an505".to_owned()));
    if let Some(layout) = &layout {
        println!("cargo::rustc-link-arg-bins=--defsym={layout}=1");
    }

    // An image that is not relocated when it starts: x86_64-unknown-none would link a position-independent one.
    println!("cargo::rustc-link-arg-bins=--no-pie");
    // Segments may be as close to each other as the pages of the board's page tables.
    println!("cargo::rustc-link-arg-bins=-zmax-page-size=4096");

    for (guest, link) in
        SPECIAL.iter().filter(|(guest, _)| Path::new("src/bin").join(guest).with_extension("rs").is_file())
    {
        let with = |script: &str| println!("cargo::rustc-link-arg-bin={guest}=--script={script}");
        match link {
            // What is logged is interned in a section that defmt's own script describes. It needs a logger.
            Link::Defmt => with("defmt.x"),
            // As a firmware does that declares pools with `stack_pool!`.
            Link::StacksApart => {
                with(&regions(layout.as_deref().unwrap_or(place)).display().to_string());
                with("greenlet.x");
            }
        }
    }
    // After defmt's, which takes what it names: the rest of the guests have no logger.
    let no_defmt = folder.join("no-defmt.ld");
    println!("cargo::rerun-if-changed={}", no_defmt.display());
    println!("cargo::rustc-link-arg-bins=--script={}", no_defmt.display());
}

/// A script with a memory region for stacks, 8 MiB above the place where the image of that layout begins, and one for
/// the rest.
fn regions(layout: &str) -> PathBuf {
    let image: u64 = match layout {
        "aarch64" => 0x4008_0000,
        "an505" => 0x8000_0000,
        "arm" => 0x2100_0000,
        "loongarch64" => 0x20_0000,
        "raspi3b" => 0x8_0000,
        "riscv32" | "riscv64" => 0x8000_0000,
        "x86_64" => 0x10_0000,
        other => panic!("linker/qemu-{other}.ld has an image somewhere: say here where"),
    };
    let stacks = image + (8 << 20);
    let text = format!(
        "MEMORY {{ IMAGE (rwx) : ORIGIN = {image:#x}, LENGTH = 8M  GREENLET_STACKS : ORIGIN = {stacks:#x}, LENGTH = 256K }}"
    );
    let script = Path::new(&env::var("OUT_DIR").expect("cargo gives a build script a folder")).join("regions.ld");
    fs::write(&script, text).expect("a build script may write to its folder");
    script
}
