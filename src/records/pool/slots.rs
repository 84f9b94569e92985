//! Slots that cores may share, of a pool of stacks, of a `GreenletLocal` or of a `ContextPool`: which of them are free.
//!
//! Free slots are of two kinds. Slots that were released are linked by their numbers through `links`, the newest first,
//! so that a slot which is still in the cache is used next. Slots that were never used are those from `ever_used` on.
//! In an all-zero `Slots` every slot is free and none is linked, so a pool lies in `.bss` and needs no initialisation
//! at run time.

use crate::records::sync::{AtomicU32, Bits, Head, Ordering};
use core::ptr::NonNull;

/// The free slots of a pool of `N`. Claim and release take constant time while no other core interferes.
#[repr(C)]
pub(crate) struct Slots<const N: usize> {
    /// Low half: the number of the first linked slot plus one, or 0 for none. High half: a generation counter against
    /// ABA, so that a compare-exchange fails on a core that read the head before another core took and released the
    /// same slot.
    head: Head,
    /// How many slots were ever used: the number of the first one that was not.
    ever_used: AtomicU32,
    /// For each free slot: the number of the next one plus one, or 0 for none.
    links: [AtomicU32; N],
}

impl<const N: usize> Slots<N> {
    pub(crate) const fn new() -> Self {
        const {
            assert!(
                (N as u64) < 1 << HALF,
                "a pool that cores may share has fewer than 2^16 stacks where a word has 32 bits"
            );
        }
        Self { head: Head::new(0), ever_used: AtomicU32::new(0), links: [const { AtomicU32::new(0) }; N] }
    }

    /// Takes a free slot; `None` if there is none. Also returns whether the slot was used before.
    pub(crate) fn claim(&self) -> Option<(u32, bool)> {
        self.pop().map(|slot| (slot, true)).or_else(|| self.unused().map(|slot| (slot, false)))
    }

    fn pop(&self) -> Option<u32> {
        let mut head = self.head.load(Ordering::Acquire);
        while let Some(slot) = (head as u32 & FIRST).checked_sub(1) {
            let next = self.links[slot as usize].load(Ordering::Relaxed);
            match self.head.compare_exchange_weak(head, after(head, next), Ordering::Acquire, Ordering::Acquire) {
                Ok(_) => return Some(slot),
                Err(now) => head = now,
            }
        }
        None
    }

    fn unused(&self) -> Option<u32> {
        self.ever_used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| ((used as usize) < N).then(|| used + 1))
            .ok()
    }

    /// How many slots are free. Walks the free list; exact only while no other core claims or releases.
    pub(crate) fn free(&self) -> usize {
        let mut free = N - self.ever_used.load(Ordering::Relaxed) as usize;
        let mut next = self.head.load(Ordering::Acquire) as u32 & FIRST;
        while let Some(slot) = next.checked_sub(1)
            && free < N
        {
            free += 1;
            next = self.links[slot as usize].load(Ordering::Relaxed);
        }
        free
    }

    /// Erases the number of slots from the type, for a record that cannot name it to store. [`release`] finds the links
    /// from this pointer.
    pub(crate) fn erase(&'static self) -> NonNull<Slots<0>> {
        NonNull::from(self).cast()
    }
}

/// A claimed slot that is released when this is dropped, also when a destructor or an `init` of the user's panics.
pub(crate) struct Claimed {
    home: NonNull<Slots<0>>,
    pub(crate) slot: u32,
}

impl Claimed {
    /// # Safety
    ///
    /// The contract of [`release`] holds when this is dropped.
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

/// Releases a slot. The writes of its last user are visible to the next one.
///
/// # Safety
///
/// `home` is the address of a `Slots<N>`, with the provenance of all of it, as [`Slots::erase`] returns it. `slot` came
/// from a [`Slots::claim`] of the same `Slots`, and was not released since.
pub(super) unsafe fn release(home: NonNull<Slots<0>>, slot: u32) {
    // SAFETY: `head` has the same offset for every N (`repr(C)`), and statics live for ever. No reference to a whole
    // `Slots<0>` is made: it has padding where other N have their first link, which another core may be changing.
    let top = unsafe { &(*home.as_ptr()).head };
    // SAFETY: `links` has the same offset for every N. Those of the `Slots` behind `home` have more than `slot`
    // elements, by the contract, and `home` has the provenance of all of them.
    let links = unsafe { home.byte_add(core::mem::offset_of!(Slots<0>, links)) };
    // SAFETY: the same: in bounds of `links`.
    let link = unsafe { links.cast::<AtomicU32>().add(slot as usize) };
    // SAFETY: the same: an element of `links`, which is an atomic in a static.
    let link = unsafe { link.as_ref() };
    let mut head = top.load(Ordering::Relaxed);
    loop {
        link.store(head as u32 & FIRST, Ordering::Relaxed);
        match top.compare_exchange_weak(head, after(head, slot + 1), Ordering::Release, Ordering::Relaxed) {
            Ok(_) => return,
            Err(now) => head = now,
        }
    }
}

/// Bits of half a head.
const HALF: u32 = Bits::BITS / 2;

/// The bits of the low half.
const FIRST: u32 = u32::MAX >> (32 - HALF);

/// The head after a change of `head`: `first` in the low half, the generation plus one in the high half.
const fn after(head: Bits, first: u32) -> Bits {
    ((head >> HALF).wrapping_add(1) << HALF) | first as Bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_that_other_cores_lead_in_a_circle_ends_with_the_number_of_slots() {
        let slots = Slots::<3>::new();
        let first = slots.claim().unwrap().0;
        assert_eq!((first, slots.free()), (0, 2));
        // A core that is interrupted in the walk can find a slot that others have claimed and released meanwhile.
        slots.head.store(1, Ordering::Relaxed);
        slots.links[0].store(1, Ordering::Relaxed);
        assert_eq!(slots.free(), 3);
    }
}
