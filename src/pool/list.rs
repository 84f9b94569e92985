//! The free stacks of a pool that one core uses at a time: a list through their control blocks, without read-modify-write.
//!
//! ```text
//!   claim, release   of the core whose tree has greenlets in the pool, its owner: plain loads and stores
//!   release_late     of greenlets that outlived their tree, from wherever their last handle goes: one atomic list
//! ```
//!
//! A core becomes the owner with the first greenlet of its tree in the pool, and is none after the last: at the end of the tree
//! at the latest. So a pool serves one core after another, and a core that comes while another one has it is refused.
//!
//! Everything is an atomic, though only `owner`, `late` and `ended` are changed by more than one core: the others are
//! relaxed loads and stores, which are plain ones to the processor, and [`List::taken`] may look at them from anywhere.

use crate::block::Block;
use crate::sync::{AtomicPtr, AtomicU32, Ordering};
use core::ptr;

/// The free stacks of a pool. All bits zero: no stack was used yet.
#[doc(hidden)]
pub struct List {
    /// Says which core: the address of what is known of it. Null when no living tree has a greenlet here.
    owner: AtomicPtr<()>,
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
    pub(super) const fn new() -> Self {
        Self {
            owner: AtomicPtr::new(ptr::null_mut()),
            free: AtomicPtr::new(ptr::null_mut()),
            late: AtomicPtr::new(ptr::null_mut()),
            fresh: AtomicU32::new(0),
            living: AtomicU32::new(0),
            ended: AtomicU32::new(0),
        }
    }

    /// Takes a stack for a greenlet of `core`; one that was never used comes from `more`, which is told how many there are.
    pub(super) fn claim(
        &self,
        core: *mut (),
        more: impl FnOnce(u32) -> Option<*mut Block>,
    ) -> Result<*mut Block, NoStack> {
        let owner = self.owner.load(Ordering::Relaxed);
        if owner != core {
            // Acquire: what the last owner left is visible from here on.
            let taken = self.owner.compare_exchange(ptr::null_mut(), core, Ordering::Acquire, Ordering::Relaxed);
            taken.map_err(|_other| NoStack::OtherCore)?;
        }
        let living = self.living.load(Ordering::Relaxed);
        self.living.store(living + 1, Ordering::Relaxed);
        let stack = self.pop().or_else(|| self.unused(more)).or_else(|| self.collect());
        if stack.is_none() {
            self.one_less();
        }
        stack.ok_or(NoStack::Empty)
    }

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

    /// Takes over what was given back late, all of it.
    #[cold]
    fn collect(&self) -> Option<*mut Block> {
        // Acquire: what those who gave it back wrote is visible from here on.
        let late = self.late.swap(ptr::null_mut(), Ordering::Acquire);
        self.free.store(late, Ordering::Relaxed);
        self.pop()
    }

    /// Gives back the stack of a greenlet of the owner's tree.
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

    /// One greenlet of the owner's tree less. After the last the pool is for whoever comes.
    fn one_less(&self) {
        let living = self.living.load(Ordering::Relaxed) - 1;
        self.living.store(living, Ordering::Relaxed);
        if living == 0 {
            // Release: what this owner leaves is visible to the next one.
            self.owner.store(ptr::null_mut(), Ordering::Release);
        }
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
    pub(super) fn taken(&self) -> usize {
        self.living.load(Ordering::Relaxed) as usize + self.ended.load(Ordering::Relaxed) as usize
    }

    /// How many stacks were ever used.
    #[cfg(feature = "alloc")]
    pub(super) fn ever_used(&self) -> usize {
        self.fresh.load(Ordering::Relaxed) as usize
    }
}
