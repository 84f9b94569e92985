//! The atomics of the kernel, and what stands in for those that a processor lacks: two words for 64 bits, and the crate
//! `portable-atomic` for compare-and-swap. The models of `qemu-tests/models` replace this module by the atomics of a
//! test scheduler.

#[cfg(target_has_atomic = "ptr")]
pub(crate) use core::sync::atomic;

// An operation that reads and writes masks interrupts meanwhile, or takes the critical section of the firmware: which
// of the two, the firmware chooses.
#[cfg(not(target_has_atomic = "ptr"))]
portable_atomic::cfg_has_atomic_cas! {
    pub(crate) use portable_atomic as atomic;
}

#[cfg(not(target_has_atomic = "ptr"))]
portable_atomic::cfg_no_atomic_cas! {
    compile_error!(
        "greenlet needs compare-and-swap, which this processor lacks. The crate `portable-atomic` replaces it, and the \
         firmware chooses by what, in its Cargo.toml: `portable-atomic = { version = \"1\", features = \
         [\"unsafe-assume-single-core\"] }` masks interrupts, if the firmware runs on one core and is privileged; the \
         feature `critical-section` in its place takes the critical section that the firmware implements"
    );
}

pub(crate) use self::atomic::{AtomicPtr, AtomicU32, Ordering};

/// The word of a slot: its greenlet's id, and flags; a number that one core alone counts; and the head of a list of
/// slots with a number of changes beside it.
#[cfg(target_has_atomic = "64")]
pub(crate) use core::sync::atomic::{AtomicU64 as Word, AtomicU64 as Counter, AtomicU64 as Head};

#[cfg(not(target_has_atomic = "64"))]
pub(crate) use self::atomic::AtomicU32 as Head;
#[cfg(not(target_has_atomic = "64"))]
pub(crate) use crate::records::narrow::{Counter, Word};

/// What [`Head`] holds.
#[cfg(target_has_atomic = "64")]
pub(crate) type Bits = u64;
#[cfg(not(target_has_atomic = "64"))]
pub(crate) type Bits = u32;
