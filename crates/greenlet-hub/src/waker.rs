//! Wakers: a pointer to a static slot, and a table of functions.

use crate::slot::SlotRef;
use core::ptr::NonNull;
use core::task::{RawWaker, RawWakerVTable, Waker};

static TABLE: RawWakerVTable = RawWakerVTable::new(|slot| RawWaker::new(slot, &TABLE), wake, wake, |_| {});

/// Returns a waker of the slot. It stays valid for ever.
pub(crate) fn waker(slot: SlotRef) -> Waker {
    // SAFETY: the functions of the table are thread-safe, and do what those of a waker must. The pointer is to a static
    // slot, so clone and drop have nothing to count.
    unsafe { Waker::from_raw(RawWaker::new(slot.bell().as_ptr().cast_const().cast(), &TABLE)) }
}

fn wake(slot: *const ()) {
    if let Some(bell) = NonNull::new(slot.cast_mut().cast()) {
        // SAFETY: `waker` made it from a slot.
        unsafe { SlotRef::of_bell(bell) }.wake();
    }
}
