//! Links every guest with the script of the machine that it is built for. Of `guests` and of `feature-guests`, which are
//! neighbours.
//!
//! All link arguments are here and none in a cargo configuration, so that a plain `cargo build --target ...` does it.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// Set by the runner.
const LAYOUT: &str = "GREENLET_LAYOUT";

fn main() {
    let arch = env::var("CARGO_CFG_TARGET_ARCH").expect("cargo tells a build script the target's architecture");
    let os = env::var("CARGO_CFG_TARGET_OS").expect("cargo tells a build script the target's system");
    if os != "none" {
        // Nothing to link: the board stops this build with a message that names the targets.
        return;
    }

    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo tells a build script its package"))
        .join("../../linker");
    let script = folder.join(format!("qemu-{arch}.ld"));
    println!("cargo::rerun-if-changed={}", script.display());
    println!("cargo::rustc-link-arg-bins=--script={}", script.display());

    // For another machine of the architecture, which has memory elsewhere: its name is a symbol to the script.
    println!("cargo::rerun-if-env-changed={LAYOUT}");
    let layout = env::var(LAYOUT).ok();
    if let Some(layout) = &layout {
        println!("cargo::rustc-link-arg-bins=--defsym={layout}=1");
    }

    // An image that is not relocated when it starts: x86_64-unknown-none would link a position-independent one.
    println!("cargo::rustc-link-arg-bins=--no-pie");
    // Segments may be as close to each other as the pages of the board's page tables.
    println!("cargo::rustc-link-arg-bins=-zmax-page-size=4096");

    // What is logged is interned in a section that defmt's own script describes. It wants a logger, which not every guest has.
    let no_defmt = folder.join("no-defmt.ld");
    println!("cargo::rerun-if-changed={}", no_defmt.display());
    println!("cargo::rerun-if-changed=src/bin");
    let regions = regions(layout.as_deref().unwrap_or(&arch));
    for (guest, head) in guests() {
        let has = |directive| head.lines().any(|line| line.trim() == directive);
        let script = if has("//@ defmt") { "defmt.x".into() } else { no_defmt.display().to_string() };
        println!("cargo::rustc-link-arg-bin={guest}=--script={script}");
        if has("//@ stacks-apart") {
            // As a firmware does that declares pools with `stack_pool!`.
            println!("cargo::rustc-link-arg-bin={guest}=--script={}", regions.display());
            println!("cargo::rustc-link-arg-bin={guest}=--script=greenlet.x");
        }
    }
}

/// A script with a memory region for stacks, 8 MiB above the place where the image of that layout begins, and one for the rest.
fn regions(layout: &str) -> PathBuf {
    let image = match layout {
        "aarch64" => 0x4008_0000,
        "raspi3b" => 0x8_0000,
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

/// The guests of this package, each with its source.
fn guests() -> impl Iterator<Item = (String, String)> {
    let sources = fs::read_dir("src/bin").expect("a package of guests has the folder src/bin");
    sources.filter_map(|source| {
        let path = source.expect("src/bin can be listed").path();
        let name = path.file_stem()?.to_str()?.to_owned();
        // A folder holds modules of the guest of its name, and a transcript lies beside its guest.
        let is_source = path.extension().is_some_and(|extension| extension == "rs");
        let text = fs::read_to_string(&path).ok().filter(|_| is_source)?;
        Some((name, text))
    })
}
