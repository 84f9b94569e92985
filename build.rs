//! Makes the linker find `greenlet.x` without a path, refuses processors that the switch is not made for, and says whether there is
//! optimization.

#[path = "build/apx.rs"]
mod apx;
#[path = "build/optimized.rs"]
mod optimized;

use std::path::PathBuf;
use std::{env, fs};

fn main() {
    apx::refuse();
    optimized::tell();
    let variable =
        |name| PathBuf::from(env::var_os(name).unwrap_or_else(|| panic!("cargo sets {name} for a build script")));
    let (from, to) = (variable("CARGO_MANIFEST_DIR").join("linker/greenlet.x"), variable("OUT_DIR"));
    println!("cargo::rerun-if-changed=linker/greenlet.x");
    println!("cargo::rerun-if-changed=build.rs");
    // A folder with nothing else in it: what is in the search path of a linker should be meant to be found.
    if let Err(error) = fs::copy(&from, to.join("greenlet.x")) {
        panic!("{} cannot be copied to {}: {error}", from.display(), to.display());
    }
    println!("cargo::rustc-link-search={}", to.display());
    // For a dependent's build script, as DEP_GREENLET_LINKER_SCRIPT.
    println!("cargo::metadata=linker_script={}", to.join("greenlet.x").display());
}
