//! Links every program with the script of its machine.

use std::env;
use std::path::Path;

fn main() {
    let arch = env::var("CARGO_CFG_TARGET_ARCH").expect("cargo sets it for build scripts");
    let folder = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it for build scripts");
    let script = Path::new(&folder).join(if arch == "arm" { "cortex-m0.ld" } else { "sizes.ld" });
    println!("cargo::rerun-if-changed={}", script.display());
    println!("cargo::rustc-link-arg-bins=--script={}", script.display());
    // RAM begins there, and this is behind what the machine puts into it.
    let origin = match arch.as_str() {
        "aarch64" => "0x40080000",
        "riscv32" | "riscv64" => "0x80000000",
        _ => "0x100000",
    };
    println!("cargo::rustc-link-arg-bins=--defsym=origin={origin}");
    // What this program must do with.
    println!("cargo::rustc-link-arg-bin=four=--defsym=ram_size=4096");
    // An image that is not relocated when it starts: x86_64-unknown-none would link a position-independent one.
    println!("cargo::rustc-link-arg-bins=--no-pie");
}
