//! The atomics of the files that `qemu-tests/models` compiles too. The models replace this module by the atomics of a
//! test scheduler.

pub(crate) use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

/// The word of a slot: its greenlet's id, and flags; a number that one core alone counts; and the head of a list of
/// slots with a number of changes beside it.
#[cfg(target_has_atomic = "64")]
pub(crate) use core::sync::atomic::{AtomicU64 as Word, AtomicU64 as Counter, AtomicU64 as Head};

#[cfg(not(target_has_atomic = "64"))]
pub(crate) use crate::records::narrow::{Counter, Word};
#[cfg(not(target_has_atomic = "64"))]
pub(crate) use core::sync::atomic::AtomicU32 as Head;

/// What [`Head`] holds.
#[cfg(target_has_atomic = "64")]
pub(crate) type Bits = u64;
#[cfg(not(target_has_atomic = "64"))]
pub(crate) type Bits = u32;
