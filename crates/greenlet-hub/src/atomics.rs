//! The atomics of `wakes`: the models replace them by those of a scheduler.

pub(crate) use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};
