//! A function that a guest hands to the board, for the board to call when it is time.

use crate::atomic::{AtomicPtr, Ordering::Relaxed};
use core::mem;
use core::ptr;

/// A place for one function: none at first.
pub(crate) struct Hook(AtomicPtr<()>);

impl Hook {
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// Puts `function` there, in the place of another.
    pub(crate) fn set(&self, function: fn()) {
        self.0.store(function as *mut (), Relaxed);
    }

    pub(crate) fn get(&self) -> Option<fn()> {
        as_function(self.0.load(Relaxed))
    }

    /// The function, which is not there any more.
    pub(crate) fn take(&self) -> Option<fn()> {
        as_function(self.0.swap(ptr::null_mut(), Relaxed))
    }
}

fn as_function(pointer: *mut ()) -> Option<fn()> {
    // SAFETY: a pointer in a hook is null, or was a `fn()` in `set`, which is the only one that puts any there; and an
    // optional function that is absent is null.
    unsafe { mem::transmute::<*mut (), Option<fn()>>(pointer) }
}
