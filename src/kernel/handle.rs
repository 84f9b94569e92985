//! The counted handle: how a program refers to a greenlet.

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
/// Cloning counts a reference; a child's parent field counts one, too. When the last reference goes, at that very point:
/// an unstarted or dead greenlet is freed; a suspended one gets its exit, inside this `drop`, and so its destructors run.
/// The one thing to beware of: a `RefCell` must not be borrowed while the last handle in it is dropped, because other
/// greenlets may run meanwhile; take the handle out first (`cell.take()`), then drop it.
///
/// A handle is `!Send` and `!Sync`: a greenlet belongs to the core that runs its tree. Equality is identity.
///
/// Costs: one word. Clone: an increment and a test. Drop: a decrement and a test.
///
/// ```
/// # use greenlet::{StackPool, Tree};
/// # static STACKS: StackPool<1, 16384> = StackPool::new();
/// # static TREE: Tree<u32> = Tree::new();
/// # TREE.enter(|main| {
/// let g = main.spawn(&STACKS, |me, x| me.up(x + 1)).unwrap();
/// let same = g.clone();
/// assert_eq!((&g, same.switch(1)), (&same, Ok(2)));
/// drop(g); // one handle is left, and g still waits
/// drop(same); // the last one: its `up` returns an exit, its body ends, its stack is free again
/// assert_eq!(STACKS.free(), 1);
/// # }).unwrap();
/// ```
pub struct Greenlet<V: 'static, E: 'static> {
    block: BlockPtr,
    /// Invariant in both types: values go in and come out.
    types: PhantomData<*mut (V, E)>,
}

impl<V: 'static, E: 'static> Greenlet<V, E> {
    /// The handle that owns one reference to `block`, which was counted already.
    ///
    /// # Safety
    ///
    /// The block exists for as long as the handle, and is of a tree of `V` and `E`. If the handle is dropped, a reference is
    /// given up.
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
        // SAFETY: counted here.
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
            // SAFETY: the reference is this handle's.
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
