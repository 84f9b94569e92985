//! Pools with a fixed number of stacks, as statics.

use super::layout::{Guarded, Guards, Inline, Layout, Placed, Plain};
use super::placed::Apart;
use crate::records::pool::{Claim, CoreRef, FreeList, List, NoStack, PoolImpl, Shared};
use core::fmt;
use core::mem::size_of;
use core::ops::Range;

/// A pool of `COUNT` stacks of `SIZE` bytes each, in a static, for one core at a time.
///
/// - `SIZE` is a multiple of 64. It is everything that one greenlet takes: the control block (at most 192 bytes; 256
///   with the features `cores` and `fp-control` together), the body's captured data, and the frames.
/// - `HEADROOM` is the part of `SIZE` that is reserved for interrupt handlers: the most bytes that the firmware's
///   handlers, all nested levels together, push onto the stack of the greenlet that they interrupt. 0 if handlers have
///   stacks of their own.
/// - `L` is the memory [layout](Layout) of the stacks.
///
/// `SIZE`, the alignment, and whether a body fits beside `HEADROOM` are checked at compile time.
///
/// The pool is in `.bss`. The memory of a stack is not touched before a greenlet is created on it. The pool's own state
/// takes 56 bytes on a 64-bit processor. Claim and release take constant time, without an atomic read-modify-write
/// instruction.
///
/// When a tree creates its first greenlet from the pool, its core becomes the owner of the pool, by a compare-and-swap,
/// and stays it until that tree ends. Meanwhile a spawn on another core fails with
/// [`SpawnError::OtherCore`](crate::SpawnError::OtherCore). A [`SharedStackPool`] serves several cores at a time.
///
/// ```
/// use greenlet::StackPool;
/// static WORKERS: StackPool<8, 4096> = StackPool::new();
/// static DEEP: StackPool<1, 65536> = StackPool::new();
/// static INTERRUPTED: StackPool<4, 8192, 1024> = StackPool::new(); // 7168 for the greenlet, 1024 for handlers
/// assert_eq!(WORKERS.count(), 8);
/// ```
#[repr(C)] // the free list is below the stacks: a small overflow of the lowest stack meets it, and no other static
pub struct StackPool<
    const COUNT: usize,
    const SIZE: usize,
    const HEADROOM: usize = 0,
    L: Layout<COUNT, SIZE> = Plain,
    K: FreeList = List,
> {
    free_list: K,
    memory: L::Memory,
}

/// A [`StackPool`] that any number of cores may use at the same time.
///
/// Claim and release are lock-free: a compare-and-swap each, repeated while other cores change the pool. The pool's own
/// state takes 32 bytes, and 4 for each stack.
///
/// ```
/// use greenlet::{SharedStackPool, Tree};
/// static STACKS: SharedStackPool<8, 16384> = SharedStackPool::new();
/// static TREES: [Tree<u32>; 2] = [const { Tree::new() }; 2];
/// fn core(number: usize) {
///     TREES[number].enter(|main| {
///         let double = main.spawn(&STACKS, |_me, x| Ok(2 * x)).unwrap();
///         assert_eq!(double.switch(4), Ok(8));
///     }).unwrap();
/// }
/// # #[cfg(feature = "std")] // Without it there is one core.
/// std::thread::scope(|cores| {
///     cores.spawn(|| core(0));
///     cores.spawn(|| core(1));
/// });
/// ```
pub type SharedStackPool<const COUNT: usize, const SIZE: usize, const HEADROOM: usize = 0, L = Plain> =
    StackPool<COUNT, SIZE, HEADROOM, L, Shared<COUNT>>;

/// A [`StackPool`] with a guard page of 4,096 bytes below each stack, for firmware with an MMU.
///
/// The firmware unmaps the pages that [`guards`](StackPool::guards) returns. Then a greenlet that overflows its stack
/// faults at its first access below it, before it has overwritten anything, and the fault handler
/// gets that greenlet from [`stack_of`](crate::stack_of). A frame larger than a page does not step over the guard where
/// the compiler probes each page, as it does for x86_64 and aarch64.
///
/// `SIZE` is a multiple of 4,096. The pool takes `COUNT * (SIZE + 4096)` bytes, and one page for its own state. The
/// same for several cores at a time is `SharedStackPool<COUNT, SIZE, 0, Guarded>`.
///
/// ```
/// use greenlet::GuardedStackPool;
/// static STACKS: GuardedStackPool<2, 8192> = GuardedStackPool::new();
/// let guards: Vec<_> = STACKS.guards().collect();
/// assert_eq!(guards.len(), 2);
/// assert!(guards.iter().all(|guard| guard.len() == 4096 && guard.start % 4096 == 0));
/// assert_eq!(guards[1].start - guards[0].end, 8192);
/// ```
pub type GuardedStackPool<const COUNT: usize, const SIZE: usize, const HEADROOM: usize = 0> =
    StackPool<COUNT, SIZE, HEADROOM, Guarded>;

impl<const COUNT: usize, const SIZE: usize, const HEADROOM: usize, L: Inline<COUNT, SIZE>, K: FreeList>
    StackPool<COUNT, SIZE, HEADROOM, L, K>
{
    /// Creates a pool with all stacks free. All its bits are zero.
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// static SMALL: StackPool<16, 2048> = StackPool::new(); // 32 KiB of .bss
    /// assert_eq!(SMALL.free(), 16);
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        const { super::check::<COUNT, SIZE, HEADROOM, L>() }
        Self { free_list: K::ALL_FREE, memory: L::UNUSED }
    }
}

impl<const COUNT: usize, const SIZE: usize, const HEADROOM: usize, L: Layout<COUNT, SIZE>, K: FreeList>
    StackPool<COUNT, SIZE, HEADROOM, Placed<L>, K>
{
    /// Creates a pool with its stacks in `memory`; called by [`stack_pool!`](crate::stack_pool).
    ///
    /// # Safety
    ///
    /// Nothing else uses `memory`, and no other pool has it.
    #[doc(hidden)]
    #[must_use]
    pub const unsafe fn placed(memory: &'static L::Memory) -> Self {
        const { super::check::<COUNT, SIZE, HEADROOM, L>() }
        Self { free_list: K::ALL_FREE, memory: Apart::new(memory) }
    }
}

impl<const COUNT: usize, const SIZE: usize, const HEADROOM: usize, L: Layout<COUNT, SIZE>, K: FreeList>
    StackPool<COUNT, SIZE, HEADROOM, L, K>
{
    /// The bytes of memory that the whole pool takes: stacks, guard pages and its own state.
    ///
    /// On Linux and macOS the pool also has addresses for one more stack and 64 KiB below the lowest stack. They are
    /// not counted, because they are never touched and so take no memory.
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// const _: () = assert!(StackPool::<8, 4096>::BYTES <= 33 * 1024);
    /// ```
    pub const BYTES: usize = super::bytes::<COUNT, SIZE, L>(size_of::<Self>());

    /// Returns the number of stacks, free or in use.
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// static STACKS: StackPool<8, 4096> = StackPool::new();
    /// assert_eq!(STACKS.count() - STACKS.free(), 0); // in use
    /// ```
    #[must_use]
    pub const fn count(&self) -> usize {
        COUNT
    }

    /// Returns the size of one stack, in bytes.
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// static STACKS: StackPool<8, 4096> = StackPool::new();
    /// assert_eq!(STACKS.stack_size(), 4096);
    /// ```
    #[must_use]
    pub const fn stack_size(&self) -> usize {
        SIZE
    }

    /// Returns the number of free stacks.
    ///
    /// Exact if no other core uses the pool during the call. Takes constant time; for a [`SharedStackPool`], time in
    /// proportion to the number of free stacks.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static TREE: Tree<u32> = Tree::new();
    /// static STACKS: StackPool<2, 8192> = StackPool::new();
    /// TREE.enter(|main| {
    ///     let g = main.spawn(&STACKS, |_me, x| Ok(x)).unwrap();
    ///     assert_eq!(STACKS.free(), 1);
    ///     drop(g);
    ///     assert_eq!(STACKS.free(), 2);
    /// }).unwrap();
    /// ```
    #[must_use]
    pub fn free(&self) -> usize {
        self.free_list.free(COUNT)
    }

    /// Returns the address ranges of the guard pages, from the lowest stack to the highest. Each is one page, aligned
    /// to its size.
    ///
    /// ```
    /// # use greenlet::GuardedStackPool;
    /// # fn unmap(_page: usize) {}
    /// static STACKS: GuardedStackPool<4, 8192> = GuardedStackPool::new();
    /// STACKS.guards().for_each(|guard| unmap(guard.start));
    /// ```
    pub fn guards(&'static self) -> impl ExactSizeIterator<Item = Range<usize>> + Clone
    where
        L: Guards<COUNT, SIZE>,
    {
        (0..COUNT).map(|number| L::guard(&self.memory, number))
    }
}

impl<const COUNT: usize, const SIZE: usize, const HEADROOM: usize, L: Layout<COUNT, SIZE> + 'static, K: FreeList>
    PoolImpl for StackPool<COUNT, SIZE, HEADROOM, L, K>
{
    const SIZE: usize = SIZE;
    const HEADROOM: usize = HEADROOM;

    type Free = K;

    #[inline]
    fn free_list(&self) -> &K {
        &self.free_list
    }

    fn claim(&'static self, core: CoreRef) -> Result<Claim, NoStack> {
        let unused = |number| (number < COUNT).then(|| L::slot(&self.memory, number));
        let (place, home) = self.free_list.claim(core, unused)?;
        Ok(Claim::of(place, SIZE, home))
    }

    fn stacks(&self) -> usize {
        COUNT
    }
}

impl<const COUNT: usize, const SIZE: usize, const HEADROOM: usize, L: Inline<COUNT, SIZE>, K: FreeList> Default
    for StackPool<COUNT, SIZE, HEADROOM, L, K>
{
    fn default() -> Self {
        Self::new()
    }
}

impl<const COUNT: usize, const SIZE: usize, const HEADROOM: usize, L: Layout<COUNT, SIZE>, K: FreeList> fmt::Debug
    for StackPool<COUNT, SIZE, HEADROOM, L, K>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StackPool").field("count", &COUNT).field("size", &SIZE).field("free", &self.free()).finish()
    }
}
