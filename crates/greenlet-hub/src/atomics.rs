//! The atomics of `wakes`. The models in `qemu-tests/models` replace them by those of a test scheduler.

pub(crate) use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};

#[cfg(not(target_has_atomic = "64"))]
pub(crate) use crate::wakes::narrow::Word;
/// The word of a bell.
#[cfg(target_has_atomic = "64")]
pub(crate) use core::sync::atomic::AtomicU64 as Word;
