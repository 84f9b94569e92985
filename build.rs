//! Makes the linker find `greenlet.x` without a path, and refuses processors that the switch is not made for.

#[path = "build/apx.rs"]
mod apx;

use std::path::PathBuf;
use std::{env, fs};

fn main() {
    apx::refuse();
    let variable =
        |name| PathBuf::from(env::var_os(name).unwrap_or_else(|| panic!("cargo sets {name} for a build script")));
    let (from, to) = (variable("CARGO_MANIFEST_DIR").join("linker/greenlet.x"), variable("OUT_DIR"));
    println!("cargo::rerun-if-changed=linker/greenlet.x");
    println!("cargo::rerun-if-changed=build.rs");
    // For the least stack of a body: the kernel's frames are several times as large then.
    println!("cargo::rustc-check-cfg=cfg(unoptimized)");
    if env::var("OPT_LEVEL").is_ok_and(|level| level == "0") {
        println!("cargo::rustc-cfg=unoptimized");
    }
    // A folder with nothing else in it: what is in the search path of a linker should be meant to be found.
    if let Err(error) = fs::copy(&from, to.join("greenlet.x")) {
        panic!("{} cannot be copied to {}: {error}", from.display(), to.display());
    }
    println!("cargo::rustc-link-search={}", to.display());
    // For a dependent's build script, as DEP_GREENLET_LINKER_SCRIPT.
    println!("cargo::metadata=linker_script={}", to.join("greenlet.x").display());
}
