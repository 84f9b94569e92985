//! Stacks from the program's allocator.

use super::check;
use crate::api::pools::Plain;
use crate::api::pools::layout::{FAR, SPARE};
use crate::records::pool::{Claim, Core, Keeper, List, NoStack, Source, Tally, place};
use alloc::alloc::{Layout, alloc};
use core::fmt;

/// Stacks of `SIZE` bytes from the global allocator, as many as it has memory for. For one core at a time, and otherwise as a
/// [`StackPool`](super::StackPool). With the feature `alloc`.
///
/// Memory that has become a stack stays one: the allocator does not get it back, and the next greenlet takes it. What refers to a
/// greenlet weakly, or from another core, may look whether it is still there when it is long gone.
///
/// In debug builds on Linux and macOS as much memory as a stack, and 64 KiB, is asked for below each: what overflows a stack is
/// named then, and has not destroyed what the allocator has there.
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
    /// Bytes below each stack that nobody gets, for the same reason as [below the lowest of a pool](SPARE). Debug builds alone take
    /// so much: memory of an allocator may be used already.
    const BELOW: usize = if cfg!(debug_assertions) { SPARE * (SIZE.saturating_add(FAR)) } else { 0 };

    /// No stack, and none allocated. All bits zero.
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

    /// How many stacks were allocated so far: as many as were ever in use at a time.
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

    /// How many of the allocated stacks are free. Exact if no other core uses them meanwhile.
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
        self.allocated().saturating_sub(self.list.taken())
    }
}

impl<const SIZE: usize, const HEADROOM: usize> Default for HeapStacks<SIZE, HEADROOM> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const SIZE: usize, const HEADROOM: usize> Source for HeapStacks<SIZE, HEADROOM> {
    const SIZE: usize = SIZE;
    const HEADROOM: usize = HEADROOM;

    fn claim(&'static self, core: Core) -> Result<Claim, NoStack> {
        let unused = |_number| {
            let layout = Layout::from_size_align(SIZE.checked_add(Self::BELOW)?, 64).ok()?;
            // SAFETY: the size is not zero: `new` has checked it.
            let memory = unsafe { alloc(layout) };
            (!memory.is_null()).then(|| place(memory.wrapping_add(Self::BELOW), SIZE))
        };
        match Keeper::claim(&self.list, core, unused) {
            Ok((place, home)) => Ok(Claim::of(place, SIZE, home)),
            Err(NoStack::Empty) => Err(NoStack::NoMemory),
            Err(refused) => Err(refused),
        }
    }

    fn stacks(&self) -> usize {
        self.allocated()
    }

    fn tally(&self) -> &Tally {
        self.list.tally()
    }
}

impl<const SIZE: usize, const HEADROOM: usize> fmt::Debug for HeapStacks<SIZE, HEADROOM> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut heap = f.debug_struct("HeapStacks");
        heap.field("allocated", &self.allocated()).field("size", &SIZE).field("free", &self.free()).finish()
    }
}
