//! Who knows which stacks of a pool are free: one core at a time, or several.

use super::list::{List, NoStack};
use super::slots::Slots;
use super::source::{Core, Home, Place};
use core::ptr;

/// What a pool asks of it. Public in a private place, so that nobody else can implement it.
#[doc(hidden)]
pub trait Keeper: Sync + 'static {
    /// No stack was used yet. All bits zero.
    const ALL_FREE: Self;

    /// Takes a stack for a greenlet of `core`. `stack` tells where the control block of a stack goes; `None` past the last.
    fn claim(&'static self, core: Core, stack: impl Fn(usize) -> Option<Place>) -> Result<(Place, Home), NoStack>;

    /// How many of `count` stacks are free.
    fn free(&self, count: usize) -> usize;

    /// Whether a stack with this home is one of these.
    fn is_home(&'static self, home: &Home) -> bool;
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

    fn is_home(&'static self, home: &Home) -> bool {
        matches!(home, Home::OneCore(list) if ptr::eq(*list, self))
    }
}

impl<const COUNT: usize> Keeper for Slots<COUNT> {
    #[allow(clippy::declare_interior_mutable_const, reason = "copied into statics, never used itself")]
    const ALL_FREE: Self = Self::new();

    fn claim(&'static self, _core: Core, stack: impl Fn(usize) -> Option<Place>) -> Result<(Place, Home), NoStack> {
        let slot = self.claim().ok_or(NoStack::Empty)?;
        let place = stack(slot as usize).ok_or(NoStack::Empty)?;
        Ok((place, Home::Shared(self.erase(), slot)))
    }

    fn free(&self, _count: usize) -> usize {
        self.free()
    }

    fn is_home(&'static self, home: &Home) -> bool {
        matches!(home, Home::Shared(slots, _) if *slots == self.erase())
    }
}
