//! What the kernel asks of a pool, and what a control block remembers of it.

use super::keeper::Shared;
use super::list::{List, NoStack};
use super::tally::{LESS, Lot, Tally};
use crate::records::block::{Block, BlockPtr, DEAD};
use crate::records::here::Here;
use crate::records::occupancy::Occupancy;
use core::mem::size_of;
use core::ptr::{self, NonNull};

/// What the kernel asks of a pool. Public in a private place, so that nobody else can implement it.
#[doc(hidden)]
pub trait Source: Sync + 'static {
    /// Bytes of each stack.
    const SIZE: usize;
    /// Bytes of each stack that are kept for interrupt frames.
    const HEADROOM: usize;

    /// Takes a stack, for a greenlet of that core.
    #[doc(hidden)]
    fn claim(&'static self, core: Core) -> Result<Claim, NoStack>;

    /// How many stacks there are.
    #[doc(hidden)]
    fn stacks(&self) -> usize;

    /// What has become of the stacks that are not free.
    #[doc(hidden)]
    fn tally(&self) -> &Tally;
}

/// The core that a stack is for.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct Core(&'static Here);

impl Core {
    pub(crate) fn of(here: &'static Here) -> Self {
        Self(here)
    }

    /// Says which core: the address of what is known of it.
    pub(super) fn id(self) -> *mut () {
        ptr::from_ref(self.0).cast_mut().cast()
    }

    /// Notes that the core is the owner of a pool, until its tree ends.
    pub(super) fn has(self, list: &'static List) {
        list.chain(self.0.pools());
        self.0.set_pools(ptr::from_ref(list).cast_mut());
    }
}

/// The tree that is entered on a core ends: leaves the pools that the core has to whoever comes.
pub(crate) fn give_up_all(here: &Here) {
    let mut list = here.pools();
    here.set_pools(ptr::null_mut());
    while !list.is_null() {
        // SAFETY: `Core::has` put it there, pools live for ever, and all of it is atomics.
        let pool = unsafe { &*list };
        list = pool.next();
        pool.give_up();
    }
}

/// Where a control block goes.
#[doc(hidden)]
pub struct Place {
    pub(super) block: *mut Block,
    /// Whether the stack was a greenlet's before, which is freed.
    pub(super) used: bool,
}

/// A stack that was taken, on its way to becoming a greenlet.
#[doc(hidden)]
pub struct Claim {
    /// Where the control block goes: the base of the stack, less its size.
    pub(crate) block: *mut Block,
    pub(crate) limit: *mut u8,
    pub(crate) home: Home,
    /// Whether the control block is there still, as the last greenlet on this stack left it, and the canary band.
    pub(crate) used: bool,
}

impl Claim {
    /// Of the stack of `size` bytes that has its control block at `block`.
    #[inline]
    pub(crate) fn of(Place { block, used }: Place, size: usize, home: Home) -> Self {
        let base = block.cast::<u8>().wrapping_add(size_of::<Block>());
        Self { block, limit: base.wrapping_sub(size), home, used }
    }
}

/// Where the control block of a stack of `size` bytes goes, that begins at `limit`. In bounds: it is smaller than the least stack.
/// Aligned: sizes and limits are multiples of 64.
pub(crate) fn place(limit: *mut u8, size: usize) -> Place {
    Place { block: limit.wrapping_add(size - size_of::<Block>()).cast(), used: false }
}

/// Where a stack goes back to.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub enum Home {
    /// A pool of one core at a time; or a pool that is not of stacks, and has one core's greenlets in it.
    #[doc(hidden)]
    OneCore(&'static List),
    /// A pool that cores share, and the number of the stack.
    #[doc(hidden)]
    Shared(NonNull<Shared<0>>, u32),
    /// The tree whose main greenlet it is.
    #[doc(hidden)]
    Tree(&'static Occupancy),
}

impl Home {
    /// The tree of a greenlet ends, and the greenlet does not: it still has the stack, and its core has no part in it any more.
    pub(crate) fn outlived(self) {
        if let Self::OneCore(list) = self {
            list.outlived();
        }
    }

    /// Counts one greenlet with this home `MORE` or `LESS` in its pool. Told by the greenlet's core, while its tree has not ended.
    #[inline]
    pub(crate) fn count(self, lot: Lot, change: u32) {
        match self {
            Self::OneCore(list) => list.tally.count_alone(lot, change),
            // SAFETY: a home is made of a pool by `Keeper::claim`.
            Self::Shared(pool, _) => unsafe { Shared::tally_of(pool) }.count(lot, change),
            Self::Tree(_) => {}
        }
    }
}

/// Gives the stack of a greenlet back to where it came from. `ended`: the greenlet has outlived its tree.
///
/// # Safety
///
/// Nobody uses the stack nor the block, whose home is where it was claimed, and it was not given back since. Unless `ended`, this
/// is the core that it was claimed on.
#[inline]
pub(crate) unsafe fn release(block: BlockPtr, ended: bool) {
    match block.home.get() {
        Home::OneCore(list) if ended => list.release_late(block.as_ptr()),
        Home::OneCore(list) => {
            if block.has(DEAD) {
                list.tally.count_alone(Lot::Dead, LESS);
            }
            list.release(block.as_ptr());
        }
        Home::Shared(pool, slot) => {
            if !ended && block.has(DEAD) {
                // SAFETY: the caller's contract.
                unsafe { Shared::tally_of(pool) }.count(Lot::Dead, LESS);
            }
            // SAFETY: the caller's contract.
            unsafe { Shared::release(pool, slot) }
        }
        Home::Tree(occupancy) => occupancy.release(),
    }
}
