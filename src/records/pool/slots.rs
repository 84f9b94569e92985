//! Which slots of a pool are free: a stack of slot numbers that cores may share.
//!
//! Two sources: slots that were given back, linked through `links`, newest first, so that a warm one is used next; and
//! slots never used, which are those from `fresh` on. An all-zero `Slots` has all slots free and none linked: a pool
//! lies in `.bss` and needs no set-up at run time.

use crate::records::sync::{AtomicU32, AtomicU64, Ordering};
use core::ptr::NonNull;

/// The free slots of a pool of `N`. Claim and release take constant time.
#[repr(C)]
pub(crate) struct Slots<const N: usize> {
    /// Low half: number of the first linked slot plus one, or 0. High half: counts changes, so that a core which read the
    /// head before another took and gave back the same slot sees that it is late (the ABA problem).
    head: AtomicU64,
    /// How many slots were ever used.
    fresh: AtomicU32,
    /// For a free slot: number of the next one plus one, or 0.
    links: [AtomicU32; N],
}

impl<const N: usize> Slots<N> {
    pub(crate) const fn new() -> Self {
        Self { head: AtomicU64::new(0), fresh: AtomicU32::new(0), links: [const { AtomicU32::new(0) }; N] }
    }

    /// Takes a free slot; `None` when there is none. With it, whether it was used before.
    pub(crate) fn claim(&self) -> Option<(u32, bool)> {
        self.pop().map(|slot| (slot, true)).or_else(|| self.unused().map(|slot| (slot, false)))
    }

    fn pop(&self) -> Option<u32> {
        let mut head = self.head.load(Ordering::Acquire);
        while let Some(slot) = (head as u32).checked_sub(1) {
            let next = self.links[slot as usize].load(Ordering::Relaxed);
            match self.head.compare_exchange_weak(head, after(head, next), Ordering::Acquire, Ordering::Acquire) {
                Ok(_) => return Some(slot),
                Err(now) => head = now,
            }
        }
        None
    }

    fn unused(&self) -> Option<u32> {
        self.fresh
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| ((used as usize) < N).then(|| used + 1))
            .ok()
    }

    /// How many slots are free. Walks the free list; meaningful while no other core claims or releases.
    pub(crate) fn free(&self) -> usize {
        let mut free = N - self.fresh.load(Ordering::Relaxed) as usize;
        let mut next = self.head.load(Ordering::Acquire) as u32;
        while let Some(slot) = next.checked_sub(1)
            && free < N
        {
            free += 1;
            next = self.links[slot as usize].load(Ordering::Relaxed);
        }
        free
    }

    /// Forgets how many slots there are: what a control block keeps. [`release`] finds the links again.
    pub(crate) fn erase(&'static self) -> NonNull<Slots<0>> {
        NonNull::from(self).cast()
    }
}

/// A claimed slot that goes back when this is dropped: also when a destructor or an `init` of the user's panics meanwhile.
pub(crate) struct Claimed {
    home: NonNull<Slots<0>>,
    pub(crate) slot: u32,
}

impl Claimed {
    /// # Safety
    ///
    /// As for [`release`], when this is dropped.
    pub(crate) unsafe fn new(home: NonNull<Slots<0>>, slot: u32) -> Self {
        Self { home, slot }
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        // SAFETY: by the contract of `new`.
        unsafe { release(self.home, self.slot) }
    }
}

/// Gives a slot back. What its holder wrote is visible to the next one.
///
/// # Safety
///
/// `home` came from [`Slots::erase`], and `slot` from a [`Slots::claim`] there; it was not given back since.
pub(super) unsafe fn release(home: NonNull<Slots<0>>, slot: u32) {
    // SAFETY: `head` stands at the same place for every N (`repr(C)`), and statics live for ever. No reference to all of a
    // `Slots<0>` is made: it has padding where others have their first link, which another core may be changing.
    let top = unsafe { &(*home.as_ptr()).head };
    // SAFETY: `links` of the pool that `home` came from has more than `slot` elements, by the contract, and starts where
    // `links` of a pool of none starts; `home` has the provenance of the whole.
    let links = unsafe { home.byte_add(core::mem::offset_of!(Slots<0>, links)) };
    // SAFETY: the same.
    let link = unsafe { links.cast::<AtomicU32>().add(slot as usize) };
    // SAFETY: the same.
    let link = unsafe { link.as_ref() };
    let mut head = top.load(Ordering::Relaxed);
    loop {
        link.store(head as u32, Ordering::Relaxed);
        match top.compare_exchange_weak(head, after(head, slot + 1), Ordering::Release, Ordering::Relaxed) {
            Ok(_) => return,
            Err(now) => head = now,
        }
    }
}

/// The head that follows `head`: `first` in its low half, one more change in its high half.
const fn after(head: u64, first: u32) -> u64 {
    ((head >> 32).wrapping_add(1) << 32) | first as u64
}
