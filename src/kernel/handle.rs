//! The counted handle to a greenlet.

use crate::kernel::references::release;
use crate::records::block::BlockPtr;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;
use core::mem;

/// A counted handle to a greenlet of a tree with values `V` and errors `E`.
///
/// ```text
///                spawn, bare            switch, kill ...            body returns
///   (pool slot) ────────────► unstarted ───────────────► suspended ◄──► running ────────► dead ──► (pool slot)
///                                                                                    last handle
/// ```
///
/// A handle owns one reference, and so does the parent field of each child. Dropping the last reference acts at once:
/// it frees an unstarted or dead greenlet; into a suspended one it throws an exit, inside this `drop`, so the
/// greenlet's destructors run. Other greenlets may run meanwhile. So do not borrow a `RefCell` while you drop the last
/// handle in it: take the handle out first (`cell.take()`), then drop it.
///
/// A handle is `!Send` and `!Sync`, because a greenlet belongs to the core that runs its tree. Equality is identity.
///
/// Cost: one word of memory. `clone` is an increment and a test, `drop` a decrement and a test.
///
/// ```
/// # use greenlet::{StackPool, Tree};
/// # static STACKS: StackPool<1, 16384> = StackPool::new();
/// # static TREE: Tree<u32> = Tree::new();
/// # TREE.enter(|main| {
/// let g = main.spawn(&STACKS, |me, x| me.up(x + 1)).unwrap();
/// let same = g.clone();
/// assert_eq!((&g, same.switch(1)), (&same, Ok(2)));
/// drop(g); // one handle is left, and the greenlet stays suspended
/// drop(same); // the last one: `up` returns an exit, the body ends, the stack is free again
/// assert_eq!(STACKS.free(), 1);
/// # }).unwrap();
/// ```
#[repr(transparent)] // one word: a wrapper in another language passes it as a pointer
pub struct Greenlet<V: 'static, E: 'static> {
    block: BlockPtr,
    /// Invariant in both types: values are sent and received.
    types: PhantomData<*mut (V, E)>,
}

impl<V: 'static, E: 'static> Greenlet<V, E> {
    /// Creates a handle that owns one reference to `block`, which the caller has counted.
    ///
    /// # Safety
    ///
    /// The block exists for as long as the handle, and is of a tree of `V` and `E`. The caller passes a reference that
    /// it owns, unless the handle is never dropped.
    pub(crate) unsafe fn from_block(block: BlockPtr) -> Self {
        Self { block, types: PhantomData }
    }

    #[inline(always)]
    pub(crate) fn block(&self) -> BlockPtr {
        self.block
    }
}

impl<V: 'static, E: 'static> Clone for Greenlet<V, E> {
    #[inline]
    fn clone(&self) -> Self {
        // SAFETY: the reference is counted here.
        unsafe { Self::from_block(self.block.retain()) }
    }
}

impl<V: 'static, E: 'static> Drop for Greenlet<V, E> {
    #[inline]
    fn drop(&mut self) {
        let refs = self.block.refs.get();
        if refs > 1 {
            self.block.refs.set(refs - 1);
        } else {
            // SAFETY: this handle owns the reference.
            unsafe { release::<V, E>(self.block) };
        }
    }
}

impl<V: 'static, E: 'static> PartialEq for Greenlet<V, E> {
    fn eq(&self, other: &Self) -> bool {
        self.block == other.block
    }
}

impl<V: 'static, E: 'static> Eq for Greenlet<V, E> {}

impl<V: 'static, E: 'static> Hash for Greenlet<V, E> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.block.id().hash(state);
    }
}

const _: () = assert!(mem::size_of::<Option<Greenlet<u64, u64>>>() == mem::size_of::<usize>());
