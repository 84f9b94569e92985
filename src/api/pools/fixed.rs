//! Pools of a fixed number of stacks, in statics.

use super::layout::{Guarded, Guards, Inline, Layout, Placed, Plain};
use super::placed::Apart;
use crate::records::pool::{Claim, Core, Keeper, List, NoStack, Shared, Source, Tally};
use core::fmt;
use core::mem::size_of;
use core::ops::Range;

/// `COUNT` stacks of `SIZE` bytes in a static, for one core at a time.
///
/// `SIZE` is a multiple of 64, and is all that a greenlet uses: its control block (192 bytes at most; 256 with the features
/// `cores` and `fp-control` together), its body, and the stack that the body works on. `HEADROOM` bytes of it are kept for
/// interrupts: what the firmware's handlers push, all levels together, on the stack of the greenlet that they interrupt. It is 0
/// where handlers have stacks of their own. `SIZE`, alignment, and whether a body fits beside `HEADROOM`, are checked when the
/// program is built. `L` says how the stacks [lie](Layout).
///
/// The memory is not touched before a greenlet is created, and lies in `.bss`; the pool's own state is 56 bytes. Claim and release
/// take constant time and no atomic instruction.
///
/// A core has the pool from the first greenlet of its tree that takes a stack, by a compare-and-swap, to the end of that tree. Until
/// then other cores are refused with [`SpawnError::OtherCore`](crate::SpawnError::OtherCore); a
/// [`SharedStackPool`] serves several at a time.
///
/// ```
/// use greenlet::StackPool;
/// static WORKERS: StackPool<8, 4096> = StackPool::new();
/// static DEEP: StackPool<1, 65536> = StackPool::new();
/// static INTERRUPTED: StackPool<4, 8192, 1024> = StackPool::new(); // 7168 for the body, 1024 for handlers
/// assert_eq!(WORKERS.count(), 8);
/// ```
#[repr(C)] // what is known of the stacks lies below them: what overflows the lowest one by little meets that, and no other static
pub struct StackPool<
    const COUNT: usize,
    const SIZE: usize,
    const HEADROOM: usize = 0,
    L: Layout<COUNT, SIZE> = Plain,
    K: Keeper = List,
> {
    keeper: K,
    memory: L::Memory,
}

/// A [`StackPool`] that any number of cores may take stacks of at a time.
///
/// Claim and release are lock-free: a compare-and-swap each, repeated when another core was first. The pool's own state is 32
/// bytes and 4 for each stack.
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

/// A [`StackPool`] with a page of 4,096 bytes below each stack that nothing may touch, for firmware with an MMU.
///
/// The firmware takes the pages that [`guards`](StackPool::guards) names out of its map. Then a greenlet that overflows its stack
/// faults at the first access below it, before it has overwritten anything: [`stack_of`](crate::stack_of) tells the fault handler
/// whose stack that was. A function with a frame larger than a page does not step over the guard where the compiler probes the
/// stack, as it does for x86_64 and aarch64.
///
/// `SIZE` is a multiple of 4,096. The pool takes `COUNT * (SIZE + 4096)` bytes, and a page more for what it knows of its stacks.
/// For several cores at a time: `SharedStackPool<COUNT, SIZE, 0, Guarded>`.
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

impl<const COUNT: usize, const SIZE: usize, const HEADROOM: usize, L: Inline<COUNT, SIZE>, K: Keeper>
    StackPool<COUNT, SIZE, HEADROOM, L, K>
{
    /// A pool with all stacks free. All bits zero.
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// static SMALL: StackPool<16, 2048> = StackPool::new(); // 32 KiB of .bss
    /// assert_eq!(SMALL.free(), 16);
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        const { super::check::<COUNT, SIZE, HEADROOM, L>() }
        Self { keeper: K::ALL_FREE, memory: L::UNUSED }
    }
}

impl<const COUNT: usize, const SIZE: usize, const HEADROOM: usize, L: Layout<COUNT, SIZE>, K: Keeper>
    StackPool<COUNT, SIZE, HEADROOM, Placed<L>, K>
{
    /// For [`stack_pool!`](crate::stack_pool).
    ///
    /// # Safety
    ///
    /// No other pool has this memory, and nobody else uses it.
    #[doc(hidden)]
    #[must_use]
    pub const unsafe fn placed(memory: &'static L::Memory) -> Self {
        const { super::check::<COUNT, SIZE, HEADROOM, L>() }
        Self { keeper: K::ALL_FREE, memory: Apart::new(memory) }
    }
}

impl<const COUNT: usize, const SIZE: usize, const HEADROOM: usize, L: Layout<COUNT, SIZE>, K: Keeper>
    StackPool<COUNT, SIZE, HEADROOM, L, K>
{
    /// Bytes of memory that the whole pool takes, with guards and what it knows of its stacks. On Linux and macOS there are
    /// addresses for one stack and 64 KiB besides, below the lowest stack: nobody touches these, so that they take no memory.
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// const _: () = assert!(StackPool::<8, 4096>::BYTES <= 33 * 1024);
    /// ```
    pub const BYTES: usize = super::bytes::<COUNT, SIZE, L>(size_of::<Self>());

    /// How many stacks there are.
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

    /// Bytes of one stack.
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

    /// How many stacks are free. Of a shared pool, takes as many steps as there are free ones; exact if no other core uses the
    /// pool meanwhile.
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
        self.keeper.free(COUNT)
    }

    /// The addresses of the guards, from the lowest stack to the highest: each a page, aligned to one.
    ///
    /// ```
    /// # use greenlet::GuardedStackPool;
    /// # fn unmap(_page: usize) {}
    /// static STACKS: GuardedStackPool<4, 8192> = GuardedStackPool::new();
    /// STACKS.guards().for_each(|guard| unmap(guard.start));
    /// ```
    pub fn guards(&'static self) -> impl ExactSizeIterator<Item = Range<usize>>
    where
        L: Guards<COUNT, SIZE>,
    {
        (0..COUNT).map(|number| L::guard(&self.memory, number))
    }
}

impl<const COUNT: usize, const SIZE: usize, const HEADROOM: usize, L: Layout<COUNT, SIZE> + 'static, K: Keeper> Source
    for StackPool<COUNT, SIZE, HEADROOM, L, K>
{
    const SIZE: usize = SIZE;
    const HEADROOM: usize = HEADROOM;

    fn claim(&'static self, core: Core) -> Result<Claim, NoStack> {
        let unused = |number| (number < COUNT).then(|| L::place(&self.memory, number));
        let (place, home) = self.keeper.claim(core, unused)?;
        Ok(Claim::of(place, SIZE, home))
    }

    fn stacks(&self) -> usize {
        COUNT
    }

    fn tally(&self) -> &Tally {
        self.keeper.tally()
    }
}

impl<const COUNT: usize, const SIZE: usize, const HEADROOM: usize, L: Inline<COUNT, SIZE>, K: Keeper> Default
    for StackPool<COUNT, SIZE, HEADROOM, L, K>
{
    fn default() -> Self {
        Self::new()
    }
}

impl<const COUNT: usize, const SIZE: usize, const HEADROOM: usize, L: Layout<COUNT, SIZE>, K: Keeper> fmt::Debug
    for StackPool<COUNT, SIZE, HEADROOM, L, K>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StackPool").field("count", &COUNT).field("size", &SIZE).field("free", &self.free()).finish()
    }
}
