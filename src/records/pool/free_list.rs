//! How a pool finds a free stack: the trait [`FreeList`], implemented for one core at a time and for several cores.

use super::interface::{CoreRef, Home, Slot};
use super::list::{List, NoStack};
use super::slots::{self, Slots};
use super::tally::Tally;
use core::mem::offset_of;
use core::ptr::NonNull;

/// The free list of a pool. Sealed: the trait is public, its module is private.
#[doc(hidden)]
pub trait FreeList: Sync + 'static {
    /// The free list of a pool of which no stack was used yet. All bits zero, so that the pool lies in `.bss`.
    const ALL_FREE: Self;

    /// Takes a stack for a greenlet of `core`. `stack(n)` returns the slot of stack number `n`, or `None` if the pool
    /// has no such stack.
    fn claim(&'static self, core: CoreRef, stack: impl Fn(usize) -> Option<Slot>) -> Result<(Slot, Home), NoStack>;

    /// The fast path of [`claim`](Self::claim): takes the stack that was released last, for a greenlet of `core`.
    /// `None` if there is none, or if its block is still linked in a list of requests (`records::mail`).
    /// [`claim`](Self::claim) then finds a stack.
    fn reuse(&self, _core: CoreRef) -> Option<Slot> {
        None
    }

    /// How many of `count` stacks are free.
    fn free(&self, count: usize) -> usize;

    /// The counts of dead, leaked and abandoned greenlets of this pool.
    fn tally(&self) -> &Tally;
}

impl FreeList for List {
    #[allow(clippy::declare_interior_mutable_const, reason = "copied into statics, never used itself")]
    const ALL_FREE: Self = Self::new();

    #[inline]
    fn claim(&'static self, core: CoreRef, stack: impl Fn(usize) -> Option<Slot>) -> Result<(Slot, Home), NoStack> {
        if self.become_owned_by(core.id())? {
            core.add_pool(self);
        }
        let (block, used) = self.claim_any(|number| Some(stack(number as usize)?.block)).ok_or(NoStack::Empty)?;
        Ok((Slot { block, used }, Home::OneCore(self)))
    }

    #[inline]
    fn reuse(&self, core: CoreRef) -> Option<Slot> {
        if !self.is_owned_by(core.id()) {
            return None;
        }
        self.claim_last(|block| !block.id.is_linked()).map(|block| Slot { block, used: true })
    }

    fn free(&self, count: usize) -> usize {
        count.saturating_sub(self.in_use())
    }

    fn tally(&self) -> &Tally {
        &self.tally
    }
}

/// The free list of a pool that several cores share.
#[repr(C)]
#[doc(hidden)]
pub struct Shared<const COUNT: usize> {
    tally: Tally,
    slots: Slots<COUNT>,
}

impl Shared<0> {
    /// The tally of the pool whose `Shared<COUNT>` was erased to `home`, as [`claim`](FreeList::claim) does.
    ///
    /// # Safety
    ///
    /// `home` is the address of such a `Shared`.
    pub(super) unsafe fn tally_of<'a>(home: NonNull<Self>) -> &'a Tally {
        // SAFETY: `tally` has the same offset for every COUNT (`repr(C)`), and pools live for ever. No reference to a
        // whole `Shared<0>` is made: it has padding where other COUNTs have links, which another core may be changing.
        unsafe { &(*home.as_ptr()).tally }
    }

    /// Releases a slot.
    ///
    /// # Safety
    ///
    /// As for [`slots::release`]. `home` is the address of the `Shared` from which the slot was claimed.
    pub(super) unsafe fn release(home: NonNull<Self>, slot: u32) {
        // SAFETY: in bounds. `slots` has the same offset for every COUNT, because the alignment of `Slots` does not
        // depend on it.
        let slots = unsafe { home.byte_add(offset_of!(Self, slots)) };
        // SAFETY: the caller's contract.
        unsafe { slots::release(slots.cast(), slot) }
    }
}

impl<const COUNT: usize> FreeList for Shared<COUNT> {
    #[allow(clippy::declare_interior_mutable_const, reason = "copied into statics, never used itself")]
    const ALL_FREE: Self = Self { tally: Tally::new(), slots: Slots::new() };

    fn claim(&'static self, _core: CoreRef, stack: impl Fn(usize) -> Option<Slot>) -> Result<(Slot, Home), NoStack> {
        let (slot, used) = self.slots.claim().ok_or(NoStack::Empty)?;
        let Slot { block, .. } = stack(slot as usize).ok_or(NoStack::Empty)?;
        Ok((Slot { block, used }, Home::Shared(NonNull::from(self).cast(), slot)))
    }

    fn free(&self, _count: usize) -> usize {
        self.slots.free()
    }

    fn tally(&self) -> &Tally {
        &self.tally
    }
}
