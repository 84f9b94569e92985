//! A stack that was claimed for a greenlet whose body is set later.

use crate::api::builder::assert_fits;
use crate::api::pools::{Stacks, least};
use crate::kernel::body;
use crate::kernel::handle::Greenlet;
use crate::kernel::me::Me;
use crate::kernel::thrown::Outcome;
use crate::records::block::{ENDED, NO_BODY, REPLACING};
use crate::records::busy::Busy;
use core::fmt;
use core::marker::PhantomData;

/// A claimed stack of a greenlet that has no body yet; [`spawn`](Self::spawn) sets the body.
///
/// Made by [`Builder::claim`](crate::Builder::claim). If it is dropped instead, the stack returns to its pool. The
/// greenlet is in the tree already: [`for_each`](Greenlet::for_each) visits it. [`set_run`](Greenlet::set_run) by
/// such a handle is refused with [`RunError::Busy`](crate::RunError::Busy).
///
/// ```
/// # use greenlet::{StackPool, Tree};
/// # static STACKS: StackPool<1, 16384> = StackPool::new();
/// # static TREE: Tree<u32> = Tree::new();
/// # TREE.enter(|main| {
/// let claimed = main.build(&STACKS).claim().unwrap();
/// assert_eq!(STACKS.free(), 0);
/// drop(claimed);
/// assert_eq!(STACKS.free(), 1);
/// # }).unwrap();
/// ```
#[must_use = "the stack is given back when this is dropped"]
pub struct Claimed<V: 'static, E: 'static, P: Stacks> {
    greenlet: Greenlet<V, E>,
    pool: PhantomData<&'static P>,
}

impl<V: 'static, E: 'static, P: Stacks> Claimed<V, E, P> {
    /// Wraps a greenlet that is unstarted, has no body, and has the flag [`REPLACING`].
    pub(crate) fn new(greenlet: Greenlet<V, E>) -> Self {
        Self { greenlet, pool: PhantomData }
    }

    /// Sets the body of the greenlet, and returns a handle to it.
    ///
    /// A body whose captured data cannot fit into the stack is rejected at compile time, as by [`Greenlet::spawn`].
    /// If the tree of the greenlet has ended in the meantime, `body` is dropped and the handle is inert.
    ///
    /// # Panics
    ///
    /// If `greenlet` is compiled with optimization and the calling crate without, and the larger frames of such a
    /// build do not fit into the stack: where [`Builder::spawn`](crate::Builder::spawn) would return
    /// [`SpawnError::StackTooSmall`](crate::SpawnError::StackTooSmall).
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let claimed = main.build(&STACKS).name("adder").claim().unwrap();
    /// let g = claimed.spawn(|me, x| me.up(x + 1));
    /// assert_eq!((g.name(), g.switch(1)), (Some("adder"), Ok(2)));
    /// # }).unwrap();
    /// ```
    pub fn spawn<F>(self, body: F) -> Greenlet<V, E>
    where
        F: FnOnce(&Me<V, E>, V) -> Outcome<V, E> + 'static,
    {
        const { assert_fits::<V, E, P, F>() }
        if let Some(reason) = least::refusal::<V, E, F>(P::SIZE, P::HEADROOM) {
            panic!("{reason}");
        }
        let _busy = Busy::in_tree_of(self.greenlet.block());
        let greenlet = self.greenlet.clone();
        drop(self);
        let block = greenlet.block();
        if block.has(NO_BODY) && !block.has(ENDED) {
            // SAFETY: unstarted and without a body, which the flag kept every other caller from setting; `least`
            // checked the size of the stack.
            unsafe { body::install_late::<V, E, F>(block, body) };
        }
        greenlet
    }
}

/// Clears the flag, so that other handles see a greenlet without a body.
impl<V: 'static, E: 'static, P: Stacks> Drop for Claimed<V, E, P> {
    fn drop(&mut self) {
        self.greenlet.block().clear(REPLACING);
    }
}

impl<V: 'static, E: 'static, P: Stacks> fmt::Debug for Claimed<V, E, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Claimed").field(&self.greenlet).finish()
    }
}
