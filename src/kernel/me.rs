//! The current greenlet as its own code sees it: a borrow that cannot leave it.

use crate::kernel::handle::Greenlet;
use crate::kernel::thrown::Outcome;
use crate::kernel::transfer;
use crate::records::block::BlockPtr;
use core::mem::ManuallyDrop;
use core::ops::Deref;

/// The greenlet that runs, as its body sees it.
///
/// It is seen only as `&Me`, for as long as the body runs, and has all the methods of a [`Greenlet`]; `me.handle()` makes
/// one that may be kept. A body that has no use for it calls it `_me`.
///
/// Costs nothing: no reference is counted.
///
/// ```
/// use greenlet::{StackPool, Tree};
/// static STACKS: StackPool<1, 8192> = StackPool::new();
/// static TREE: Tree<u32> = Tree::new();
/// TREE.enter(|main| {
///     let g = main.spawn(&STACKS, |me, x| {
///         assert!(me.is_current());
///         me.up(x + 1)
///     }).unwrap();
///     assert_eq!(g.switch(1), Ok(2));
/// }).unwrap();
/// ```
pub struct Me<V: 'static, E: 'static> {
    handle: ManuallyDrop<Greenlet<V, E>>,
}

impl<V: 'static, E: 'static> Me<V, E> {
    /// For the greenlet's own entry, which alone knows that `block` runs.
    pub(crate) fn new(block: BlockPtr) -> Self {
        // SAFETY: a greenlet that runs exists. The handle is never dropped, so it needs no count.
        Self { handle: ManuallyDrop::new(unsafe { Greenlet::from_block(block) }) }
    }

    /// The parent, which every greenlet but main has: who goes on when this one ends.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.spawn(&STACKS, |me, x| me.parent().switch(x + 1)).unwrap(); // what `me.up(x + 1)` does
    /// assert_eq!(g.switch(1), Ok(2));
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn parent(&self) -> Greenlet<V, E> {
        match self.block().parent() {
            // SAFETY: counted here; a parent is of the same tree.
            Some(parent) => unsafe { Greenlet::from_block(parent.retain()) },
            None => unreachable!("a body runs under a parent, in a tree that is entered"),
        }
    }

    /// Switches to the parent with a value; returns what is sent back. What a generator does to yield.
    ///
    /// The same as `me.parent().switch(value)`.
    ///
    /// # Errors
    ///
    /// What is thrown into this greenlet while it waits, as [`Greenlet::switch`].
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let squares = main.spawn(&STACKS, |me, _| {
    ///     for n in 1.. { me.up(n * n)?; }
    ///     Ok(0)
    /// }).unwrap();
    /// assert_eq!([(); 3].map(|()| squares.switch(0).unwrap()), [1, 4, 9]);
    /// # }).unwrap();
    /// ```
    #[inline(always)]
    pub fn up(&self, value: V) -> Outcome<V, E> {
        // SAFETY: a `&Me` is seen by the body of its own greenlet only, and only while that runs; main has none.
        unsafe { transfer::up(self.block(), value) }
    }
}

impl<V: 'static, E: 'static> Deref for Me<V, E> {
    type Target = Greenlet<V, E>;

    fn deref(&self) -> &Greenlet<V, E> {
        &self.handle
    }
}

/// The main greenlet, as the closure given to [`Tree::enter`](crate::Tree::enter) sees it.
///
/// It is seen only as `&Main`, and has all the methods of a [`Greenlet`]. It has no parent, which is why it is not a
/// [`Me`]: what reaches the root of the tree stays there.
///
/// ```
/// # use greenlet::{Main, Tree};
/// # static TREE: Tree<u32> = Tree::new();
/// fn firmware(main: &Main<u32, &'static str>) -> u32 {
///     assert!(main.is_main() && main.is_current() && main.parent().is_none());
///     7
/// }
/// assert_eq!(TREE.enter(firmware).unwrap(), 7);
/// ```
pub struct Main<V: 'static, E: 'static> {
    me: Me<V, E>,
}

impl<V: 'static, E: 'static> Main<V, E> {
    pub(crate) fn new(block: BlockPtr) -> Self {
        Self { me: Me::new(block) }
    }
}

impl<V: 'static, E: 'static> Deref for Main<V, E> {
    type Target = Greenlet<V, E>;

    fn deref(&self) -> &Greenlet<V, E> {
        &self.me
    }
}
