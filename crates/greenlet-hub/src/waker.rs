//! Wakers: a pointer to a static slot, and a table of functions.

use crate::slot::SlotRef;
use core::task::{RawWaker, RawWakerVTable, Waker};

static TABLE: RawWakerVTable = RawWakerVTable::new(|slot| RawWaker::new(slot, &TABLE), wake, wake, |_| {});

/// Returns a waker of the slot. It stays valid for ever.
pub(crate) fn waker(slot: SlotRef) -> Waker {
    // SAFETY: the functions of the table are thread-safe, and do what those of a waker must. The pointer is to a static
    // slot, so clone and drop have nothing to count.
    unsafe { Waker::from_raw(RawWaker::new(slot.as_ptr().cast_const().cast(), &TABLE)) }
}

fn wake(slot: *const ()) {
    // SAFETY: `waker` made it from a slot.
    if let Some(slot) = unsafe { SlotRef::from_ptr(slot.cast_mut().cast()) } {
        slot.wake();
    }
}
