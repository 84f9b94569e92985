//! Whether the program may be compiled without optimization, as far as this is known when the crate is: `cfg(unoptimized)`.
//!
//! For the least stack of a body. The kernel's generic functions are compiled with the crates that use them, and these may have an
//! opt-level of their own. What is not seen from here, the crates find out when they spawn: `src/api/pools/least.rs`.

use std::env;

/// Tells the compiler.
pub(super) fn tell() {
    println!("cargo::rerun-if-changed=build/optimized.rs");
    println!("cargo::rustc-check-cfg=cfg(unoptimized)");
    let is = |name, value| env::var(name).is_ok_and(|set| set == value);
    // A profile that inherits from `dev` optimizes what it is told to, such as all dependencies, and that is seldom all.
    let by_profile = is("OPT_LEVEL", "0") || is("PROFILE", "debug");
    if by_profile || flags_say_so(&env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default()) {
        println!("cargo::rustc-cfg=unoptimized");
    }
}

/// Whether flags for all crates, as cargo hands them on, turn optimization off. They come after what a profile says.
fn flags_say_so(encoded: &str) -> bool {
    let options = encoded.split('\x1f').map(|word| word.trim_start_matches("--codegen=").trim_start_matches("-C"));
    options.into_iter().any(|option| option == "opt-level=0" || option == "no-prepopulate-passes")
}
