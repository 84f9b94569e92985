//! Links for the machine of the target: a plain `cargo build --target` does it.

use std::env;

fn main() {
    let of_target = |what| env::var(format!("CARGO_CFG_TARGET_{what}")).expect("cargo tells a build script its target");
    if of_target("OS") != "none" {
        return; // hosted, for the tests of the library
    }
    let folder = env::var("CARGO_MANIFEST_DIR").expect("cargo tells a build script its package");
    let script = format!("{folder}/{}.ld", of_target("ARCH"));
    println!("cargo::rerun-if-changed={script}");
    println!("cargo::rustc-link-arg-bins=--script={script}");
    println!("cargo::rustc-link-arg-bins=--script=greenlet.x");
    // An image that is not relocated when it starts: x86_64-unknown-none would link a position-independent one.
    println!("cargo::rustc-link-arg-bins=--no-pie");
}
