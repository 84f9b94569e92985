//! The library's hosted tests in one program: it is linked once, and starts once. `cargo xtask mutants-sample` tries mutants
//! against it.
//!
//! Without the feature `std` there is one core in the world, and each module has a lock of its own: run it with
//! `--test-threads=1`.
#![allow(clippy::duplicate_mod, reason = "each program brings its `common`, with a lock and pools of its own")]

include!(concat!(env!("OUT_DIR"), "/library.rs"));
