//! The free list of a pool that one core uses at a time. It is linked through the control blocks of the stacks.
//!
//! ```text
//!   become_owned_by, give_up         a core is the owner from the first claim of its tree here until that tree ends
//!   claim_any, claim_last, release   for greenlets of the owner's tree: relaxed loads and stores, no read-modify-write
//!   release_late                     for greenlets that outlived their tree: one atomic list, from any core
//! ```
//!
//! So different cores can use a pool, one after the other. While one core owns it, [`List::become_owned_by`] refuses
//! every other core, whose `spawn` fails with `SpawnError::OtherCore`.
//!
//! Only `owner`, `late` and `out_of_tree` are changed by more than one core. The other fields are atomics all the same,
//! because any core may call [`List::in_use`]; a relaxed load or store is an ordinary one to the processor.

use super::tally::Tally;
use crate::records::block::Block;
use crate::records::sync::{AtomicPtr, AtomicU32, Ordering};
use core::ptr;

/// The free list of a pool. All bits zero is a valid list: no stack was used yet.
#[doc(hidden)]
pub struct List {
    /// The owning core, identified by the address of its record. Null while no core owns the pool.
    owner: AtomicPtr<()>,
    /// Link in the list of the pools that the owner owns.
    next: AtomicPtr<List>,
    /// Head of the free list: the stack that was released last. Linked through `Block::next`. Stacks in `late` are not
    /// part of it.
    free: AtomicPtr<Block>,
    /// Head of the list of stacks that were released after their greenlets' trees had ended. Linked in the same way.
    late: AtomicPtr<Block>,
    /// How many stacks were ever used: the stacks in use and the free ones that had a greenlet before. So it is the
    /// number of the first one that was never used.
    ever_used: AtomicU32,
    /// How many stacks are in use by greenlets of the owner's tree, dead ones with references included.
    in_tree: AtomicU32,
    /// How many stacks are in use, but not by greenlets of the owner's tree: by greenlets that outlived their trees,
    /// and those that abandoned greenlets keep for ever.
    out_of_tree: AtomicU32,
    /// How many dead, leaked and abandoned greenlets have stacks of this pool. Only the owner changes it.
    pub(super) tally: Tally,
}

/// Why a pool has no stack to give.
#[doc(hidden)]
#[repr(usize)] // a word, so that a `Result` of this or a pointer is returned in registers
pub enum NoStack {
    /// All stacks are in use.
    Empty,
    /// Another core owns the pool: its tree has claimed a stack here, or tried to, and has not ended.
    OtherCore,
    /// The allocator has no memory for another stack.
    NoMemory,
    /// The tree of the greenlet's parent has ended.
    Ended,
}

impl List {
    pub(crate) const fn new() -> Self {
        Self {
            owner: AtomicPtr::new(ptr::null_mut()),
            next: AtomicPtr::new(ptr::null_mut()),
            free: AtomicPtr::new(ptr::null_mut()),
            late: AtomicPtr::new(ptr::null_mut()),
            ever_used: AtomicU32::new(0),
            in_tree: AtomicU32::new(0),
            out_of_tree: AtomicU32::new(0),
            tally: Tally::new(),
        }
    }

    /// Makes `core` the owner. `Ok(true)` if this call made it the owner: the core must then call
    /// [`give_up`](Self::give_up) when its tree ends.
    #[inline]
    pub(super) fn become_owned_by(&self, core: *mut ()) -> Result<bool, NoStack> {
        if self.is_owned_by(core) { Ok(false) } else { self.take_ownership(core) }
    }

    #[inline]
    pub(super) fn is_owned_by(&self, core: *mut ()) -> bool {
        self.owner.load(Ordering::Relaxed) == core
    }

    #[cold]
    fn take_ownership(&self, core: *mut ()) -> Result<bool, NoStack> {
        // Acquire: pairs with the release in `give_up`, so that the writes of the previous owner are visible.
        match self.owner.compare_exchange(ptr::null_mut(), core, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => Ok(true),
            Err(_other) => Err(NoStack::OtherCore),
        }
    }

    /// Ends the ownership: from here on any core can take the pool. Called by the owner when its tree ends, after its
    /// last claim and release.
    pub(super) fn give_up(&self) {
        // Release: pairs with the acquire in `take_ownership`, so that the writes of this owner are visible to the next
        // one.
        self.owner.store(ptr::null_mut(), Ordering::Release);
    }

    /// Links this pool in front of `others`, the owner's other pools.
    pub(super) fn chain(&self, others: *mut List) {
        self.next.store(others, Ordering::Relaxed);
    }

    /// The owner's next pool, as set by [`chain`](Self::chain).
    pub(super) fn next(&self) -> *mut List {
        self.next.load(Ordering::Relaxed)
    }

    /// Takes a free stack for the owner. If none was released, calls `unused(n)` for stack number `n`, the first one
    /// that was never used. Also returns whether the stack was used before; if so, the fields of its control block
    /// still have the values of its last greenlet.
    #[inline]
    pub(super) fn claim_any(&self, unused: impl FnOnce(u32) -> Option<*mut Block>) -> Option<(*mut Block, bool)> {
        // Late stacks are reused before a new one is made: an allocator could supply new ones for ever.
        let released = self.last().map(|last| self.pop(last)).or_else(|| self.collect());
        let stack = released.or_else(|| self.first_use(unused))?;
        self.one_more();
        Some((stack, released.is_some()))
    }

    /// As [`claim_any`](Self::claim_any), if the free list has a stack, and `fits` is true of the first one's block.
    #[inline]
    pub(super) fn claim_last(&self, fits: impl FnOnce(&Block) -> bool) -> Option<*mut Block> {
        let last = self.last()?;
        // SAFETY: as in `pop`.
        if !fits(unsafe { &*last }) {
            return None;
        }
        self.one_more();
        Some(self.pop(last))
    }

    /// Counts one greenlet more of the owner's tree.
    #[inline]
    fn one_more(&self) {
        self.in_tree.store(self.in_tree.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// The stack that was released last, if it is free: the first of the free list.
    #[inline]
    fn last(&self) -> Option<*mut Block> {
        let last = self.free.load(Ordering::Relaxed);
        (!last.is_null()).then_some(last)
    }

    /// Takes the [`last`](Self::last) stack out of the free list.
    #[inline]
    fn pop(&self, last: *mut Block) -> *mut Block {
        // SAFETY: a block in the list is memory that stays a block for ever, and only the owner reads it.
        let next = unsafe { &*last }.next.get();
        self.free.store(next.cast_mut(), Ordering::Relaxed);
        last
    }

    fn first_use(&self, unused: impl FnOnce(u32) -> Option<*mut Block>) -> Option<*mut Block> {
        let number = self.ever_used.load(Ordering::Relaxed);
        let block = unused(number)?;
        self.ever_used.store(number + 1, Ordering::Relaxed);
        Some(block)
    }

    /// Moves all late stacks to the free list, which is empty here, and takes the first of them.
    #[cold]
    fn collect(&self) -> Option<*mut Block> {
        if self.late.load(Ordering::Relaxed).is_null() {
            return None;
        }
        // Acquire: pairs with the release in `release_late`, so that the links written there are visible.
        let late = self.late.swap(ptr::null_mut(), Ordering::Acquire);
        self.free.store(late, Ordering::Relaxed);
        self.last().map(|last| self.pop(last))
    }

    /// Releases the stack of a greenlet of the owner's tree.
    #[inline]
    pub(super) fn release(&self, block: *const Block) {
        // SAFETY: a block that is being released exists, and nothing else uses it.
        unsafe { &*block }.next.set(self.free.load(Ordering::Relaxed));
        self.free.store(block.cast_mut(), Ordering::Relaxed);
        self.one_less();
    }

    /// Counts a greenlet that keeps its stack although it is no longer part of the owner's tree: the tree is ending, or
    /// the greenlet was abandoned. Called by the owner.
    pub(super) fn count_out_of_tree(&self) {
        self.out_of_tree.fetch_add(1, Ordering::Relaxed);
        self.one_less();
    }

    /// Counts one greenlet less of the owner's tree.
    #[inline]
    fn one_less(&self) {
        self.in_tree.store(self.in_tree.load(Ordering::Relaxed) - 1, Ordering::Relaxed);
    }

    /// Releases the stack of a greenlet that outlived its tree. Called by the core that drops the last handle, which
    /// need not own the pool by then.
    #[cold]
    pub(super) fn release_late(&self, block: *const Block) {
        let mut first = self.late.load(Ordering::Relaxed);
        loop {
            // SAFETY: a block that is being released exists, and nothing else uses it.
            unsafe { &*block }.next.set(first);
            let put = self.late.compare_exchange_weak(first, block.cast_mut(), Ordering::Release, Ordering::Relaxed);
            match put {
                Ok(_) => break,
                Err(now) => first = now,
            }
        }
        self.out_of_tree.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many stacks are in use. Exact only while no other core uses the pool.
    pub(crate) fn in_use(&self) -> usize {
        self.in_tree.load(Ordering::Relaxed) as usize + self.out_of_tree.load(Ordering::Relaxed) as usize
    }

    /// How many stacks were ever used.
    #[cfg(feature = "alloc")]
    pub(crate) fn ever_used(&self) -> usize {
        self.ever_used.load(Ordering::Relaxed) as usize
    }
}
