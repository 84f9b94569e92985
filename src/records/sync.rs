//! The atomics that the files use which `qemu-tests/models` reads, too: there, a scheduler's atomics stand in for these.

pub(crate) use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
