//! Links for the machine of `examples/unikernel`.

use std::env;

fn main() {
    let folder = env::var("CARGO_MANIFEST_DIR").expect("cargo tells a build script its package");
    let script = format!("{folder}/../../examples/unikernel/aarch64.ld");
    println!("cargo::rerun-if-changed={script}");
    println!("cargo::rustc-link-arg-bins=--script={script}");
    println!("cargo::rustc-link-arg-bins=--script=greenlet.x");
    println!("cargo::rustc-link-arg-bins=--no-pie");
}
