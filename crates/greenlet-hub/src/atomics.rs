//! The atomics of `wakes`. The models in `qemu-tests/models` replace them by those of a test scheduler.

pub(crate) use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};
