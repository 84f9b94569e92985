//! The interface between the kernel and a pool, and what a control block stores about its pool.

use super::free_list::{FreeList, Shared};
use super::list::{List, NoStack};
use super::tally::{Fate, LESS};
use crate::records::block::{Block, BlockPtr, DEAD};
use crate::records::core_state::Core;
use crate::records::occupancy::Occupancy;
use core::mem::size_of;
use core::ptr::{self, NonNull};

/// A pool of stacks, as the kernel uses it. Sealed: the trait is public, its module is private.
#[doc(hidden)]
pub trait PoolImpl: Sync + 'static {
    /// Bytes of each stack.
    const SIZE: usize;
    /// Bytes of each stack that are reserved for interrupt frames.
    const HEADROOM: usize;

    /// How the pool finds a free stack.
    #[doc(hidden)]
    type Free: FreeList;

    #[doc(hidden)]
    fn free_list(&self) -> &Self::Free;

    /// Takes a stack for a greenlet of `core`, also one that was never used.
    #[doc(hidden)]
    fn claim(&'static self, core: CoreRef) -> Result<Claim, NoStack>;

    /// How many stacks the pool has.
    #[doc(hidden)]
    fn stacks(&self) -> usize;
}

/// The core for which a stack is claimed.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct CoreRef(&'static Core);

impl CoreRef {
    pub(crate) fn of(core: &'static Core) -> Self {
        Self(core)
    }

    /// The identity of the core: the address of its record.
    pub(super) fn id(self) -> *mut () {
        ptr::from_ref(self.0).cast_mut().cast()
    }

    /// Adds a pool to the list of those that the core owns until its tree ends.
    pub(super) fn add_pool(self, list: &'static List) {
        list.chain(self.0.pools());
        self.0.set_pools(ptr::from_ref(list).cast_mut());
    }
}

/// Gives up all pools that the core owns. Called when the core's tree ends.
pub(crate) fn give_up_all(core: &Core) {
    let mut list = core.pools();
    core.set_pools(ptr::null_mut());
    while !list.is_null() {
        // SAFETY: `CoreRef::add_pool` put it into the list, pools live for ever, and all fields of a `List` are
        // atomics.
        let pool = unsafe { &*list };
        list = pool.next();
        pool.give_up();
    }
}

/// A slot of a pool: the memory of one stack, by its control block.
#[doc(hidden)]
pub struct Slot {
    /// Where the control block is, or is to be written.
    pub(crate) block: *mut Block,
    /// Whether the stack had a greenlet before, which was freed: then the block is initialised.
    pub(super) used: bool,
}

/// A claimed stack, from which a greenlet is about to be made.
#[doc(hidden)]
pub struct Claim {
    /// Where the control block is: `size_of::<Block>()` below the base of the stack.
    pub(crate) block: *mut Block,
    pub(crate) limit: *mut u8,
    pub(crate) home: Home,
    /// Whether the stack had a greenlet before: then the control block and the canary band are as that greenlet left
    /// them.
    pub(crate) used: bool,
}

impl Claim {
    /// The claim of the stack of `size` bytes whose control block is at `block`.
    #[inline]
    pub(crate) fn of(Slot { block, used }: Slot, size: usize, home: Home) -> Self {
        let base = block.cast::<u8>().wrapping_add(size_of::<Block>());
        Self { block, limit: base.wrapping_sub(size), home, used }
    }
}

/// The unused slot of the stack of `size` bytes whose lowest address is `limit`. Its block is in bounds, because the
/// smallest stack is larger than a block, and aligned, because sizes and limits are multiples of 64.
pub(crate) fn slot(limit: *mut u8, size: usize) -> Slot {
    Slot { block: limit.wrapping_add(size - size_of::<Block>()).cast(), used: false }
}

/// Where a stack returns to when its greenlet is freed.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub enum Home {
    /// The free list of a pool that one core uses at a time, or of a `StackRegion` or `HeapStacks`.
    #[doc(hidden)]
    OneCore(&'static List),
    /// The free list of a pool that cores share, and the number of the stack in it.
    #[doc(hidden)]
    Shared(NonNull<Shared<0>>, u32),
    /// The tree whose main greenlet this is. Main has no stack of the crate; its release frees the tree.
    #[doc(hidden)]
    Tree(&'static Occupancy),
}

impl Home {
    /// Counts a greenlet that keeps its stack after its tree, or that was abandoned. Shared pools need no such count,
    /// because they count free stacks, not used ones.
    pub(crate) fn count_out_of_tree(self) {
        if let Self::OneCore(list) = self {
            list.count_out_of_tree();
        }
    }

    /// Changes the count of `fate` in the pool by `change`: [`MORE`](super::MORE) or [`LESS`]. Called on the greenlet's
    /// core, before its tree has ended.
    #[cfg_attr(small, inline(never))] // one copy
    #[cfg_attr(not(small), inline)]
    pub(crate) fn count(self, fate: Fate, change: u32) {
        match self {
            Self::OneCore(list) => list.tally.count_alone(fate, change),
            // SAFETY: `FreeList::claim` made this home from the address of a pool's `Shared`.
            Self::Shared(pool, _) => unsafe { Shared::tally_of(pool) }.count(fate, change),
            Self::Tree(_) => {}
        }
    }
}

/// Releases the stack of a greenlet to its pool; for a main greenlet, frees its tree. `ended`: the greenlet has
/// outlived its tree.
///
/// # Safety
///
/// Nothing else uses the stack or the block. The block's home is the one with which it was claimed, and the stack was
/// not released since. Unless `ended`, the caller runs on the core that claimed it.
#[inline]
pub(crate) unsafe fn release(block: BlockPtr, ended: bool) {
    let home = block.home.get();
    if block.has(DEAD) && !ended {
        home.count(Fate::Dead, LESS);
    }
    match home {
        Home::OneCore(list) if ended => list.release_late(block.as_ptr()),
        Home::OneCore(list) => list.release(block.as_ptr()),
        // SAFETY: the caller's contract.
        Home::Shared(pool, slot) => unsafe { Shared::release(pool, slot) },
        Home::Tree(occupancy) => occupancy.release(),
    }
}
