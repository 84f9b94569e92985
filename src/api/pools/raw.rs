//! Stacks whose number and size are known at run time only: for wrappers in other languages, which lay out the pool.

use crate::api::pools::least;
use crate::records::pool::{Claim, CoreRef, FreeList, List, NoStack, PoolImpl, slot};

/// A pool of stacks in memory that a program in another language has laid out. Not for Rust programs.
///
/// It begins with the state of the pool, which is all zeros at first; then come where the stacks are, and how many.
/// A wrapper calls [`is_sound`](Self::is_sound) before each spawn: nothing is checked at compile time.
#[repr(C)]
#[doc(hidden)]
pub struct RawStacks {
    list: List,
    /// The lowest address of the first stack.
    stacks: *mut u8,
    count: usize,
    size: usize,
}

// SAFETY: the memory of a stack is used by the greenlet that claimed it only; the list has atomic fields, and the other
// fields are only read.
unsafe impl Sync for RawStacks {}

impl RawStacks {
    /// Returns whether the stacks are aligned, have `least` bytes or more, and are large enough for a body of type `F`.
    #[doc(hidden)]
    #[must_use]
    pub fn is_sound<V: 'static, E: 'static, F>(&self, least: usize) -> bool {
        let bytes = self.count.checked_mul(self.size);
        let end = bytes.and_then(|bytes| self.stacks.addr().checked_add(bytes));
        !self.stacks.is_null()
            && self.count > 0
            && self.stacks.addr().is_multiple_of(64)
            && self.size.is_multiple_of(64)
            && self.size >= least
            && least::missing::<V, E, F>(self.size).is_none()
            && self.count < u32::MAX as usize
            && end.is_some()
    }

    /// Returns the number of free stacks. Exact if no other core uses the pool during the call.
    #[doc(hidden)]
    #[must_use]
    pub fn free(&self) -> usize {
        self.count.saturating_sub(self.list.in_use())
    }
}

impl PoolImpl for RawStacks {
    /// Not known here: the largest size passes the checks at compile time, and `is_sound` makes them at run time.
    const SIZE: usize = usize::MAX;
    const HEADROOM: usize = 0;

    type Free = List;

    #[inline]
    fn free_list(&self) -> &List {
        &self.list
    }

    fn claim(&'static self, core: CoreRef) -> Result<Claim, NoStack> {
        let unused =
            |number| (number < self.count).then(|| slot(self.stacks.wrapping_add(number * self.size), self.size));
        let (place, home) = FreeList::claim(&self.list, core, unused)?;
        Ok(Claim::of(place, self.size, home))
    }

    fn stacks(&self) -> usize {
        self.count
    }
}
