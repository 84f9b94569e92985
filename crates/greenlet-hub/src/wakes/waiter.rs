//! The task that waits for a signal or a remote channel.
//!
//! A sender writes bits or a value, then reads the waiter. A task that waits writes itself as the waiter, then reads
//! the bits or the ring. All four accesses are `SeqCst`: in their single order one of the two reads comes after the
//! other side's write, so no wake is lost.

use crate::atomics::Ordering::SeqCst;
use crate::atomics::{AtomicPtr, AtomicU32};
use crate::wakes::bell::Bell;
use core::ptr;

/// The bell of the task that waits; null if none does.
pub(crate) struct Waiter(AtomicPtr<Bell>);

impl Waiter {
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// Returns `false` if another task waits.
    #[inline]
    pub(crate) fn enter(&self, bell: *mut Bell) -> bool {
        self.0.compare_exchange(ptr::null_mut(), bell, SeqCst, SeqCst).is_ok()
    }

    #[inline]
    pub(crate) fn leave(&self) {
        self.0.store(ptr::null_mut(), SeqCst);
    }

    #[inline(always)]
    pub(crate) fn get(&self) -> *mut Bell {
        self.0.load(SeqCst)
    }
}

/// 32 bits and a waiter: the part of a signal that any core uses.
pub(crate) struct Flags {
    bits: AtomicU32,
    pub(crate) waiter: Waiter,
}

impl Flags {
    pub(crate) const fn new() -> Self {
        Self { bits: AtomicU32::new(0), waiter: Waiter::new() }
    }

    /// Sets bits, and returns the bell of the task to wake, or null.
    #[inline(always)]
    pub(crate) fn raise(&self, bits: u32) -> *mut Bell {
        self.bits.fetch_or(bits, SeqCst);
        self.waiter.get()
    }

    #[inline]
    pub(crate) fn take(&self) -> u32 {
        if self.bits.load(SeqCst) == 0 { 0 } else { self.bits.swap(0, SeqCst) }
    }
}
