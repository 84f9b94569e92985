//! The free stacks of a pool that one core uses at a time: a list through their control blocks, without read-modify-write.
//!
//! ```text
//!   take, give_up    a core becomes the owner with the first greenlet of its tree in the pool, to the end of that tree
//!   claim, release   of the owner's: plain loads and stores
//!   release_late     of greenlets that outlived their tree, from wherever their last handle goes: one atomic list
//! ```
//!
//! So a pool serves one core after another, and a core that comes while another one has it is refused.
//!
//! Everything is an atomic, though only `owner`, `late` and `ended` are changed by more than one core: the others are
//! relaxed loads and stores, which are plain ones to the processor, and [`List::taken`] may look at them from anywhere.

use super::tally::Tally;
use crate::records::block::Block;
use crate::records::sync::{AtomicPtr, AtomicU32, Ordering};
use core::ptr;

/// The free stacks of a pool. All bits zero: no stack was used yet.
#[doc(hidden)]
pub struct List {
    /// Says which core: the address of what is known of it. Null when no tree has, or had, a greenlet here.
    owner: AtomicPtr<()>,
    /// The next one of the pools that the owner has.
    next: AtomicPtr<List>,
    /// The stack that was given back last, of those of which the owner knows. Linked through `Block::next`.
    free: AtomicPtr<Block>,
    /// Stacks that were given back by greenlets which outlived their trees.
    late: AtomicPtr<Block>,
    /// How many stacks were ever used.
    fresh: AtomicU32,
    /// How many greenlets of the owner's tree have stacks.
    living: AtomicU32,
    /// How many greenlets that outlived their trees have stacks.
    ended: AtomicU32,
    /// Of the owner's to change.
    pub(super) tally: Tally,
}

/// Why there is no stack to be had.
#[doc(hidden)]
pub enum NoStack {
    /// All are in use.
    Empty,
    /// The pool has greenlets of another core's tree, and is for one core at a time.
    OtherCore,
    /// The allocator has no memory.
    NoMemory,
}

impl List {
    pub(crate) const fn new() -> Self {
        Self {
            owner: AtomicPtr::new(ptr::null_mut()),
            next: AtomicPtr::new(ptr::null_mut()),
            free: AtomicPtr::new(ptr::null_mut()),
            late: AtomicPtr::new(ptr::null_mut()),
            fresh: AtomicU32::new(0),
            living: AtomicU32::new(0),
            ended: AtomicU32::new(0),
            tally: Tally::new(),
        }
    }

    /// Sees to it that `core` is the owner: true when it was not before, and has to [give the pool up](Self::give_up) some time.
    #[inline]
    pub(super) fn take(&self, core: *mut ()) -> Result<bool, NoStack> {
        if self.owner.load(Ordering::Relaxed) == core {
            return Ok(false);
        }
        self.begin(core)
    }

    #[cold]
    fn begin(&self, core: *mut ()) -> Result<bool, NoStack> {
        // Acquire: what the last owner left is visible from here on.
        match self.owner.compare_exchange(ptr::null_mut(), core, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => Ok(true),
            Err(_other) => Err(NoStack::OtherCore),
        }
    }

    /// Leaves the pool to whoever comes. Told by the owner, whose tree is ending: it claims and releases nothing any more.
    pub(super) fn give_up(&self) {
        // Release: what this owner leaves is visible to the next one.
        self.owner.store(ptr::null_mut(), Ordering::Release);
    }

    /// Puts this pool before `others`, which its owner has, too.
    pub(super) fn chain(&self, others: *mut List) {
        self.next.store(others, Ordering::Relaxed);
    }

    /// The pool that was given to [`chain`](Self::chain).
    pub(super) fn next(&self) -> *mut List {
        self.next.load(Ordering::Relaxed)
    }

    /// Takes a stack for the owner; one that was never used comes from `more`, which is told how many there are. With it, whether
    /// it was used before: then its control block is as it was given back.
    #[inline]
    pub(super) fn claim(&self, more: impl FnOnce(u32) -> Option<*mut Block>) -> Option<(*mut Block, bool)> {
        // What came back late before what was never used: an allocator has always more.
        let used = self.pop().or_else(|| self.collect());
        let stack = used.or_else(|| self.unused(more))?;
        self.living.store(self.living.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        Some((stack, used.is_some()))
    }

    #[inline]
    fn pop(&self) -> Option<*mut Block> {
        let first = self.free.load(Ordering::Relaxed);
        if first.is_null() {
            return None;
        }
        // SAFETY: blocks in the list exist, as memory that was once a block, and are the owner's to look at.
        let next = unsafe { &*first }.next.get();
        self.free.store(next.cast_mut(), Ordering::Relaxed);
        Some(first)
    }

    fn unused(&self, more: impl FnOnce(u32) -> Option<*mut Block>) -> Option<*mut Block> {
        let used = self.fresh.load(Ordering::Relaxed);
        let block = more(used)?;
        self.fresh.store(used + 1, Ordering::Relaxed);
        Some(block)
    }

    /// Takes over what was given back late, all of it, when nothing else is free.
    #[cold]
    fn collect(&self) -> Option<*mut Block> {
        if self.late.load(Ordering::Relaxed).is_null() {
            return None;
        }
        // Acquire: what those who gave it back wrote is visible from here on.
        let late = self.late.swap(ptr::null_mut(), Ordering::Acquire);
        self.free.store(late, Ordering::Relaxed);
        self.pop()
    }

    /// Gives back the stack of a greenlet of the owner's tree.
    #[inline]
    pub(super) fn release(&self, block: *const Block) {
        // SAFETY: a block that is given back exists, and nobody else uses it.
        unsafe { &*block }.next.set(self.free.load(Ordering::Relaxed));
        self.free.store(block.cast_mut(), Ordering::Relaxed);
        self.one_less();
    }

    /// The tree of a greenlet ends, and the greenlet does not. Told by the owner.
    pub(super) fn outlived(&self) {
        self.ended.fetch_add(1, Ordering::Relaxed);
        self.one_less();
    }

    /// One greenlet of the owner's tree less.
    fn one_less(&self) {
        self.living.store(self.living.load(Ordering::Relaxed) - 1, Ordering::Relaxed);
    }

    /// Gives back the stack of a greenlet that outlived its tree, from wherever its last handle went.
    #[cold]
    pub(super) fn release_late(&self, block: *const Block) {
        let mut first = self.late.load(Ordering::Relaxed);
        loop {
            // SAFETY: a block that is given back exists, and nobody else uses it.
            unsafe { &*block }.next.set(first);
            let put = self.late.compare_exchange_weak(first, block.cast_mut(), Ordering::Release, Ordering::Relaxed);
            match put {
                Ok(_) => break,
                Err(now) => first = now,
            }
        }
        self.ended.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many stacks have greenlets; meaningful while no other core uses the pool.
    pub(crate) fn taken(&self) -> usize {
        self.living.load(Ordering::Relaxed) as usize + self.ended.load(Ordering::Relaxed) as usize
    }

    /// How many stacks were ever used.
    #[cfg(feature = "alloc")]
    pub(crate) fn ever_used(&self) -> usize {
        self.fresh.load(Ordering::Relaxed) as usize
    }
}
