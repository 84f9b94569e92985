//! Stacks from the global allocator.

use super::check;
use crate::api::pools::Plain;
use crate::api::pools::layout::{FAR, SPARE};
use crate::records::pool::{Claim, CoreRef, FreeList, List, NoStack, PoolImpl, slot};
use alloc::alloc::{Layout, alloc};
use core::fmt;

/// A pool of stacks of `SIZE` bytes from the global allocator, for one core at a time.
///
/// It has as many stacks as the allocator has memory for; in all else it is like a [`StackPool`](super::StackPool).
/// Needs the feature `alloc`.
///
/// Memory that has become a stack is never returned to the allocator: a released stack is used by the next greenlet.
/// Weak and remote handles may still read the id in its control block after the greenlet was freed.
///
/// In debug builds on Linux and macOS, each allocation has one more stack and 64 KiB below the stack. An overflow into
/// these is detected and reported without damage to memory of the allocator.
///
/// ```
/// # use greenlet::Tree;
/// use greenlet::HeapStacks;
/// static STACKS: HeapStacks<16384> = HeapStacks::new();
/// # static TREE: Tree<u32> = Tree::new();
/// # TREE.enter(|main| {
/// let g = main.spawn(&STACKS, |_me, x| Ok(x + 1)).unwrap();
/// assert_eq!(g.switch(1), Ok(2));
/// # }).unwrap();
/// ```
pub struct HeapStacks<const SIZE: usize, const HEADROOM: usize = 0> {
    list: List,
}

impl<const SIZE: usize, const HEADROOM: usize> HeapStacks<SIZE, HEADROOM> {
    /// The unused bytes below each stack, for the same reason as those [below the lowest stack of a pool](SPARE). In
    /// debug builds only: an allocator may have touched its memory, so it takes RAM.
    const BELOW: usize = if cfg!(debug_assertions) { SPARE * (SIZE.saturating_add(FAR)) } else { 0 };

    /// Creates a pool without stacks; each is allocated when it is first needed. All its bits are zero.
    ///
    /// ```
    /// # use greenlet::HeapStacks;
    /// static STACKS: HeapStacks<16384> = HeapStacks::new();
    /// assert_eq!(STACKS.allocated(), 0);
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        const { check::<0, SIZE, HEADROOM, Plain>() }
        Self { list: List::new() }
    }

    /// Returns the number of stacks that were allocated so far: the most that were ever in use at the same time.
    ///
    /// ```
    /// # use greenlet::{HeapStacks, Tree};
    /// # static TREE: Tree<u32> = Tree::new();
    /// static STACKS: HeapStacks<16384> = HeapStacks::new();
    /// TREE.enter(|main| {
    ///     drop(main.bare(&STACKS).unwrap());
    ///     drop(main.bare(&STACKS).unwrap());
    ///     assert_eq!(STACKS.allocated(), 1);
    /// }).unwrap();
    /// ```
    #[must_use]
    pub fn allocated(&self) -> usize {
        self.list.ever_used()
    }

    /// Returns the number of allocated stacks that are free. Exact if no other core uses the pool during the call.
    ///
    /// ```
    /// # use greenlet::{HeapStacks, Tree};
    /// # static TREE: Tree<u32> = Tree::new();
    /// static STACKS: HeapStacks<16384> = HeapStacks::new();
    /// TREE.enter(|main| {
    ///     let g = main.bare(&STACKS).unwrap();
    ///     assert_eq!(STACKS.free(), 0);
    ///     drop(g);
    ///     assert_eq!(STACKS.free(), 1);
    /// }).unwrap();
    /// ```
    #[must_use]
    pub fn free(&self) -> usize {
        self.allocated().saturating_sub(self.list.in_use())
    }
}

impl<const SIZE: usize, const HEADROOM: usize> Default for HeapStacks<SIZE, HEADROOM> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const SIZE: usize, const HEADROOM: usize> PoolImpl for HeapStacks<SIZE, HEADROOM> {
    const SIZE: usize = SIZE;
    const HEADROOM: usize = HEADROOM;

    type Free = List;

    #[inline]
    fn free_list(&self) -> &List {
        &self.list
    }

    fn claim(&'static self, core: CoreRef) -> Result<Claim, NoStack> {
        let unused = |_number| {
            let layout = Layout::from_size_align(SIZE.checked_add(Self::BELOW)?, 64).ok()?;
            // SAFETY: the size is not zero: `new` checks that at compile time.
            let memory = unsafe { alloc(layout) };
            (!memory.is_null()).then(|| slot(memory.wrapping_add(Self::BELOW), SIZE))
        };
        match FreeList::claim(&self.list, core, unused) {
            Ok((place, home)) => Ok(Claim::of(place, SIZE, home)),
            Err(NoStack::Empty) => Err(NoStack::NoMemory),
            Err(refused) => Err(refused),
        }
    }

    fn stacks(&self) -> usize {
        self.allocated()
    }
}

impl<const SIZE: usize, const HEADROOM: usize> fmt::Debug for HeapStacks<SIZE, HEADROOM> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut heap = f.debug_struct("HeapStacks");
        heap.field("allocated", &self.allocated()).field("size", &SIZE).field("free", &self.free()).finish()
    }
}
