//! The current greenlet as its own code sees it: a borrow that cannot leave the greenlet.

use crate::kernel::handle::Greenlet;
use crate::kernel::thrown::Outcome;
use crate::kernel::transfer;
use crate::records::block::{BlockPtr, PINNED};
use core::mem::ManuallyDrop;
use core::ops::Deref;
use core::ptr;

/// The current greenlet, as its body sees it.
///
/// The body gets it as `&Me`, a borrow for as long as it runs. It has all the methods of a [`Greenlet`]; `me.handle()`
/// returns a handle that can be kept. A body that does not use the borrow names it `_me`.
///
/// Cost: none, no reference is counted.
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
#[repr(transparent)] // for `of`
pub struct Me<V: 'static, E: 'static> {
    handle: ManuallyDrop<Greenlet<V, E>>,
}

impl<V: 'static, E: 'static> Me<V, E> {
    /// Creates the borrow of `block`. Called by the greenlet's own entry function, and by `enter` for main, when it is
    /// current.
    pub(crate) fn new(block: BlockPtr) -> Self {
        // SAFETY: the current greenlet exists. The handle is never dropped, so it needs no reference.
        Self { handle: ManuallyDrop::new(unsafe { Greenlet::from_block(block) }) }
    }

    /// Returns the borrow of the greenlet of `handle`, if that is the current one and has a parent: what its body got.
    /// For wrappers in other languages, whose functions get a handle where a body has this borrow.
    ///
    /// A greenlet that is current while code outside of this crate runs has started and is not dead. `None` also in a
    /// tracer or a destructor that the arrival of an `up` calls: the body waits in that, and a second one would take
    /// the place of its pin.
    ///
    /// # Safety
    ///
    /// The result is not used after another greenlet has become the current one, unless this one is current again.
    #[doc(hidden)]
    #[inline(always)]
    #[must_use]
    pub unsafe fn of(handle: &Greenlet<V, E>) -> Option<&Self> {
        let block = handle.block();
        let is_current = block.core().current_ptr() == block.as_ptr();
        // SAFETY: both are transparent wrappers around a handle, and neither is dropped through a borrow.
        (is_current && !block.has(PINNED) && block.parent().is_some())
            .then(|| unsafe { &*ptr::from_ref(handle).cast::<Self>() })
    }

    /// Returns the parent, which receives what the body ends with. Every greenlet but main has one.
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
            // SAFETY: the reference is counted here; a parent is of the same tree.
            Some(parent) => unsafe { Greenlet::from_block(parent.retain()) },
            None => unreachable!("a body runs under a parent, in a tree that is entered"),
        }
    }

    /// Switches to the parent with a value; returns what is sent back. A generator yields by this.
    ///
    /// The same as `me.parent().switch(value)`.
    ///
    /// # Errors
    ///
    /// What is thrown into this greenlet while it is suspended, as for [`Greenlet::switch`].
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
        // SAFETY: only the body of the greenlet gets its `&Me`, and only while it runs; main's borrow has no `up`. `of`
        // gives another to code that runs in the body's place, and not while an `up` is pending.
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
/// The closure gets it as `&Main`. It has all the methods of a [`Greenlet`]. Main has no parent, so this is not a
/// [`Me`] and has no `up`: an error that reaches main is not passed on.
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
    /// Creates the borrow of `block`, the main greenlet, which is current.
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
