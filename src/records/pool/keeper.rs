//! Who knows which stacks of a pool are free: one core at a time, or several.

use super::list::{List, NoStack};
use super::slots::{self, Slots};
use super::source::{Core, Home, Place};
use super::tally::Tally;
use core::mem::offset_of;
use core::ptr::NonNull;

/// What a pool asks of it. Public in a private place, so that nobody else can implement it.
#[doc(hidden)]
pub trait Keeper: Sync + 'static {
    /// No stack was used yet. All bits zero.
    const ALL_FREE: Self;

    /// Takes a stack for a greenlet of `core`. `stack` tells where the control block of a stack goes; `None` past the last.
    fn claim(&'static self, core: Core, stack: impl Fn(usize) -> Option<Place>) -> Result<(Place, Home), NoStack>;

    /// How many of `count` stacks are free.
    fn free(&self, count: usize) -> usize;

    /// What has become of those that are not free.
    fn tally(&self) -> &Tally;
}

impl Keeper for List {
    #[allow(clippy::declare_interior_mutable_const, reason = "copied into statics, never used itself")]
    const ALL_FREE: Self = Self::new();

    #[inline]
    fn claim(&'static self, core: Core, stack: impl Fn(usize) -> Option<Place>) -> Result<(Place, Home), NoStack> {
        if self.take(core.id())? {
            core.has(self);
        }
        let (block, used) = self.claim(|unused| Some(stack(unused as usize)?.block)).ok_or(NoStack::Empty)?;
        Ok((Place { block, used }, Home::OneCore(self)))
    }

    fn free(&self, count: usize) -> usize {
        count.saturating_sub(self.taken())
    }

    fn tally(&self) -> &Tally {
        &self.tally
    }
}

/// The free stacks of a pool that cores share.
#[repr(C)]
#[doc(hidden)]
pub struct Shared<const COUNT: usize> {
    tally: Tally,
    slots: Slots<COUNT>,
}

impl Shared<0> {
    /// The tally of the pool that was [erased](Keeper::claim) to `home`.
    ///
    /// # Safety
    ///
    /// It was.
    pub(super) unsafe fn tally_of<'a>(home: NonNull<Self>) -> &'a Tally {
        // SAFETY: it stands at the same place for every COUNT (`repr(C)`), and pools live for ever. No reference to the whole is
        // made: it has padding where others have links.
        unsafe { &(*home.as_ptr()).tally }
    }

    /// Gives a stack back.
    ///
    /// # Safety
    ///
    /// As for [`slots::release`], of a pool that was erased to `home`.
    pub(super) unsafe fn release(home: NonNull<Self>, slot: u32) {
        // SAFETY: in bounds; the slots stand at the same place for every COUNT: their own alignment does not depend on it.
        let slots = unsafe { home.byte_add(offset_of!(Self, slots)) };
        // SAFETY: the caller's contract.
        unsafe { slots::release(slots.cast(), slot) }
    }
}

impl<const COUNT: usize> Keeper for Shared<COUNT> {
    #[allow(clippy::declare_interior_mutable_const, reason = "copied into statics, never used itself")]
    const ALL_FREE: Self = Self { tally: Tally::new(), slots: Slots::new() };

    fn claim(&'static self, _core: Core, stack: impl Fn(usize) -> Option<Place>) -> Result<(Place, Home), NoStack> {
        let (slot, used) = self.slots.claim().ok_or(NoStack::Empty)?;
        let Place { block, .. } = stack(slot as usize).ok_or(NoStack::Empty)?;
        Ok((Place { block, used }, Home::Shared(NonNull::from(self).cast(), slot)))
    }

    fn free(&self, _count: usize) -> usize {
        self.slots.free()
    }

    fn tally(&self) -> &Tally {
        &self.tally
    }
}
