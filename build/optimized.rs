//! Sets `cfg(unoptimized)` if the program may be compiled without optimization, and `cfg(small)` if this crate is
//! optimized for size, as far as a build script can detect this.
//!
//! With `small` a switch is a function, one copy for a pair of types, instead of a sequence at each place that
//! switches.
//!
//! The least stack of a body depends on it (`src/api/pools/least.rs`). The generic functions of the crate are compiled
//! with the crates that use them, which may have another opt-level. `spawn` detects at run time what cannot be detected
//! here.

use std::env;

/// Sets the cfg for the compiler.
pub(super) fn emit() {
    println!("cargo::rerun-if-changed=build/optimized.rs");
    println!("cargo::rustc-check-cfg=cfg(unoptimized)");
    let is = |name, value| env::var(name).is_ok_and(|set| set == value);
    // A profile that inherits from `dev` may optimize some packages, such as all dependencies, but rarely all of them.
    let by_profile = is("OPT_LEVEL", "0") || is("PROFILE", "debug");
    if by_profile || flags_say_so(&env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default()) {
        println!("cargo::rustc-cfg=unoptimized");
    }
    println!("cargo::rustc-check-cfg=cfg(small)");
    if is("OPT_LEVEL", "s") || is("OPT_LEVEL", "z") {
        println!("cargo::rustc-cfg=small");
    }
}

/// Returns `true` if the flags for all crates, in cargo's encoding, turn optimization off. They override the profile.
fn flags_say_so(encoded: &str) -> bool {
    let options = encoded.split('\x1f').map(|word| word.trim_start_matches("--codegen=").trim_start_matches("-C"));
    options.into_iter().any(|option| option == "opt-level=0" || option == "no-prepopulate-passes")
}
