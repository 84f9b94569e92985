//! A handle that does not keep its greenlet.

use crate::kernel::handle::Greenlet;
use crate::kernel::thrown::{Outcome, Sent, Thrown};
use crate::kernel::transfer;
use crate::records::block::BlockPtr;
use crate::records::busy::Busy;
use crate::records::refusal::Refusal;
use core::fmt;
use core::marker::PhantomData;

/// Refers to a greenlet without being counted. Made by [`Greenlet::downgrade`].
///
/// Two words: where the greenlet was, and its number. Slots of pools are never given back to anything else, so the number
/// can be compared at any time; it is unique, so a slot that has a new greenlet does not match.
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
    /// A reference to this greenlet that is not counted: the greenlet can be freed, or killed, while it exists.
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
    /// A handle, as long as the greenlet exists; `None` when it was freed.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let weak = main.bare(&STACKS).unwrap().downgrade(); // the one handle goes
    /// assert!(weak.upgrade().is_none());
    /// let _other = main.bare(&STACKS).unwrap(); // on the same stack
    /// assert!(weak.upgrade().is_none());
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn upgrade(&self) -> Option<Greenlet<V, E>> {
        // SAFETY: the greenlet exists, and is counted here.
        self.exists().then(|| unsafe { Greenlet::from_block(self.block.retain()) })
    }

    /// Switches to the greenlet with a value, as [`Greenlet::switch`] does, and does not keep it: while the current greenlet waits,
    /// nothing here refers to the target, which may end and be freed. For a scheduler that hands over from one greenlet to the next.
    ///
    /// # Errors
    ///
    /// - [`Thrown::Refused`] with [`Refusal::Gone`]: the greenlet was freed; `value` comes back.
    /// - else as [`Greenlet::switch`].
    ///
    /// # Cost
    ///
    /// Ten instructions more than [`Greenlet::switch`], hosted on x86_64.
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
        // SAFETY: it exists, and is of a tree of `V` and `E`.
        unsafe { transfer::switch(self.block, value) }
    }

    /// Whether the greenlet has not been freed. If so, it is of this core.
    #[inline(always)]
    fn exists(&self) -> bool {
        // The slot may belong to another core by now, which writes a block there. The number is an atomic for that reason, and
        // nothing else is looked at, nor a reference made to the whole, before it is known that the slot still holds the greenlet,
        // which never leaves its core.
        // SAFETY: memory that was once a stack stays one for ever, and its number, once written, an atomic.
        let number = unsafe { &(*self.block.as_ptr()).id };
        number.get() == self.id
    }

    /// The number of the greenlet, whether it exists or not.
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
