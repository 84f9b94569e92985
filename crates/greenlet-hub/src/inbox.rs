//! The inbox: a list to which any core pushes slots, and which the hub's core takes as a whole.

use crate::slot::{Base, SlotRef};
use core::ptr;
use core::sync::atomic::AtomicPtr;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

pub(crate) struct Inbox(AtomicPtr<Base>);

impl Inbox {
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// ②. Returns `true` if the inbox was empty.
    #[inline]
    pub(crate) fn push(&self, slot: SlotRef) -> bool {
        let mut head = self.0.load(Relaxed);
        loop {
            slot.set_link(head);
            match self.0.compare_exchange_weak(head, slot.as_ptr(), Release, Relaxed) {
                Ok(_) => return head.is_null(),
                Err(now) => head = now,
            }
        }
    }

    /// A plain load: an exclusive one in an idle loop sets the event register of some cores, which then never sleep.
    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.load(Acquire).is_null()
    }

    /// ③. Returns the slot that was pushed last.
    pub(crate) fn take(&self) -> Option<SlotRef> {
        // SAFETY: only `push` writes, and `collect` the links.
        unsafe { SlotRef::from_ptr(self.0.swap(ptr::null_mut(), Acquire)) }
    }
}
