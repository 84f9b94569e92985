//! A stack that is claimed before its greenlet has a body.

use crate::api::builder::assert_fits;
use crate::api::pools::{Stacks, least};
use crate::kernel::body;
use crate::kernel::handle::Greenlet;
use crate::kernel::me::Me;
use crate::kernel::thrown::Outcome;
use crate::records::block::{BARE, ENDED, REPLACING};
use crate::records::busy::Busy;
use crate::records::errors::SpawnError;
use core::fmt;
use core::marker::PhantomData;

/// A stack that was taken for a greenlet, which gets its body by [`spawn`](Self::spawn). Dropped, it gives the stack back.
///
/// Made by [`Builder::claim`](crate::Builder::claim). The greenlet is in the tree already, as one without a body: [`for_each`](Greenlet::for_each) finds
/// it, and [`set_run`](Greenlet::set_run) of others is refused with [`RunError::Busy`](crate::RunError::Busy).
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
    /// For the builder, whose `greenlet` is unstarted, has no body, and is marked as [`REPLACING`] one.
    pub(crate) fn new(greenlet: Greenlet<V, E>) -> Self {
        Self { greenlet, pool: PhantomData }
    }

    /// Gives the greenlet its body. A body that cannot fit does not compile, as with [`Greenlet::spawn`].
    ///
    /// A claim that is kept until its tree ends has a dead greenlet by then, as every one without a body is: `body` is dropped, and
    /// the handle is one of those that outlive their trees.
    ///
    /// # Panics
    ///
    /// Where [`Builder::spawn`](crate::Builder::spawn) would return [`SpawnError::StackTooSmall`]: this crate is compiled with optimization, the caller
    /// without, and the stack is too small for that.
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
        if let Some(needs) = least::missing::<V, E, F>(P::SIZE - P::HEADROOM) {
            panic!("{}", SpawnError::StackTooSmall { needs: needs + P::HEADROOM, stack: P::SIZE });
        }
        let _busy = Busy::in_tree_of(self.greenlet.block());
        let greenlet = self.greenlet.clone();
        drop(self);
        let block = greenlet.block();
        if block.has(BARE) && !block.has(ENDED) {
            // SAFETY: unstarted, and without a body, which nobody else could give it; `least` measured the stack.
            unsafe { body::install::<V, E, F>(block, body) };
        }
        greenlet
    }
}

/// To others who have handles to it, the greenlet is one without a body from here on.
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
