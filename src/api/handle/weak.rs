//! Weak handles, which are not counted and do not keep their greenlets alive.

use crate::kernel::handle::Greenlet;
use crate::kernel::thrown::{Outcome, Sent, Thrown};
use crate::kernel::transfer;
use crate::records::block::BlockPtr;
use crate::records::busy::Busy;
use crate::records::refusal::Refusal;
use core::fmt;
use core::marker::PhantomData;

/// A weak handle: refers to a greenlet without being counted. Made by [`Greenlet::downgrade`].
///
/// It has two words, the address of the greenlet's control block and the greenlet's id. Memory that was once a
/// stack is never used for anything else, so the id in the control block can be read at any time. Ids are never
/// reused, so a stack that holds another greenlet by now does not match.
///
/// ```
/// # use greenlet::{StackPool, Tree};
/// # static STACKS: StackPool<1, 8192> = StackPool::new();
/// # static TREE: Tree<u32> = Tree::new();
/// # TREE.enter(|main| {
/// let g = main.spawn(&STACKS, |_me, x| Ok(x)).unwrap();
/// let weak = g.downgrade();
/// assert_eq!(weak.upgrade().as_ref(), Some(&g));
/// drop(g);
/// assert!(weak.upgrade().is_none());
/// # }).unwrap();
/// ```
pub struct WeakGreenlet<V: 'static, E: 'static> {
    block: BlockPtr,
    id: u64,
    types: PhantomData<*mut (V, E)>,
}

impl<V: 'static, E: 'static> Greenlet<V, E> {
    /// Returns a weak handle to this greenlet, which is not counted: it does not keep the greenlet from being
    /// killed or freed.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.bare(&STACKS).unwrap();
    /// let weak = g.downgrade();
    /// assert_eq!(g.references(), 1);
    /// assert!(weak.upgrade().is_some());
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn downgrade(&self) -> WeakGreenlet<V, E> {
        WeakGreenlet { block: self.block(), id: self.id(), types: PhantomData }
    }
}

impl<V: 'static, E: 'static> WeakGreenlet<V, E> {
    /// Returns a counted handle; `None` if the greenlet was freed.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let weak = main.bare(&STACKS).unwrap().downgrade(); // the only counted handle is dropped
    /// assert!(weak.upgrade().is_none());
    /// let _other = main.bare(&STACKS).unwrap(); // on the same stack
    /// assert!(weak.upgrade().is_none());
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn upgrade(&self) -> Option<Greenlet<V, E>> {
        // SAFETY: the greenlet exists, and `retain` counts the new handle.
        self.exists().then(|| unsafe { Greenlet::from_block(self.block.retain()) })
    }

    /// Switches to the greenlet as [`Greenlet::switch`] does, without a counted reference.
    ///
    /// While the current greenlet is suspended, this call does not keep the target alive: it may end and be freed.
    /// For a scheduler that switches from one greenlet to the next.
    ///
    /// # Errors
    ///
    /// - [`Thrown::Refused`] with [`Refusal::Gone`]: the greenlet was freed. `value` is returned in the error.
    /// - Otherwise as [`Greenlet::switch`].
    ///
    /// # Cost
    ///
    /// Six instructions more than [`Greenlet::switch`], hosted on x86_64.
    ///
    /// ```
    /// # use greenlet::{Refusal, Sent, StackPool, Thrown, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.spawn(&STACKS, |me, x| me.up(x + 1)).unwrap();
    /// let weak = g.downgrade();
    /// assert_eq!(weak.switch(1), Ok(2));
    /// drop(g);
    /// assert_eq!(weak.switch(7), Err(Thrown::Refused(Refusal::Gone, Some(Sent::Value(7)))));
    /// # }).unwrap();
    /// ```
    #[inline(always)]
    pub fn switch(&self, value: V) -> Outcome<V, E> {
        if !self.exists() {
            return Err(Thrown::Refused(Refusal::Gone, Some(Sent::Value(value))));
        }
        // SAFETY: the greenlet exists, and belongs to a tree of `V` and `E`.
        unsafe { transfer::switch(self.block, value) }
    }

    /// Returns `true` if the greenlet has not been freed. Then it belongs to this core.
    #[inline(always)]
    fn exists(&self) -> bool {
        // The stack may belong to another core by now, which may be writing a control block there. So the id is an
        // atomic, and until it has matched nothing else of the block is read, nor a reference to the whole block
        // created. If it matches, the block is this core's, because a greenlet never leaves its core.
        // SAFETY: memory that was once a stack stays one for ever, and the id in it, once written, stays an atomic.
        let number = unsafe { &(*self.block.as_ptr()).id };
        number.get() == self.id
    }

    /// Returns the id of the greenlet, whether it still exists or not.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.bare(&STACKS).unwrap();
    /// let (id, weak) = (g.id(), g.downgrade());
    /// drop(g);
    /// assert_eq!(weak.id(), id);
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }
}

impl<V: 'static, E: 'static> Clone for WeakGreenlet<V, E> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<V: 'static, E: 'static> PartialEq for WeakGreenlet<V, E> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl<V: 'static, E: 'static> Eq for WeakGreenlet<V, E> {}

impl<V: 'static, E: 'static> fmt::Debug for WeakGreenlet<V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _busy = Busy::on_this_core();
        match self.upgrade() {
            Some(greenlet) => write!(f, "weak {greenlet:?}"),
            None => write!(f, "weak greenlet {} (freed)", self.id),
        }
    }
}
