//! The atomics of the files that `qemu-tests/models` compiles too. The models replace this module by a scheduler's
//! atomics.

pub(crate) use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
