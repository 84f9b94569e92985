//! Creating greenlets.

use crate::block::{BARE, Block, BlockPtr, ENDED, REPLACING};
use crate::body;
#[cfg(feature = "abandon")]
use crate::busy::Busy;
use crate::errors::{Refused, SpawnError};
use crate::handle::Greenlet;
use crate::me::Me;
use crate::overflow;
use crate::pool::{Core, NoStack, Stacks, least};
use crate::thrown::Outcome;
use core::fmt;
use core::marker::PhantomData;

/// A greenlet to be: from which pool, under which parent, with what name.
///
/// Made by [`Greenlet::build`].
///
/// ```
/// # use greenlet::{StackPool, Tree};
/// static STACKS: StackPool<1, 8192> = StackPool::new();
/// static TREE: Tree<u32> = Tree::new();
/// TREE.enter(|main| {
///     let parser = main.build(&STACKS).name("parser").spawn(|_me, x| Ok(x)).unwrap();
///     assert_eq!(parser.name(), Some("parser"));
///     assert!(format!("{parser:?}").ends_with("\"parser\" (pending)"));
/// }).unwrap();
/// ```
#[must_use = "a builder does nothing until `spawn` or `bare`"]
pub struct Builder<'a, V: 'static, E: 'static, P: Stacks> {
    parent: &'a Greenlet<V, E>,
    pool: &'static P,
    name: Option<&'static str>,
}

impl<'a, V: 'static, E: 'static, P: Stacks> Builder<'a, V, E, P> {
    pub(crate) fn new(parent: &'a Greenlet<V, E>, pool: &'static P) -> Self {
        Self { parent, pool, name: None }
    }

    /// A name for reports: panics, faults, `Debug`. Names need not differ.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.build(&STACKS).name("parser").bare().unwrap();
    /// assert_eq!(g.name(), Some("parser"));
    /// # }).unwrap();
    /// ```
    pub fn name(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// Another parent than the greenlet that builds.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<2, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let top = main.spawn(&STACKS, |_me, x| Ok(x * 10)).unwrap();
    /// let g = main.build(&STACKS).parent(&top).spawn(|_me, x| Ok(x + 1)).unwrap();
    /// assert_eq!(g.switch(1), Ok(20)); // g ends in its parent, which starts with 2
    /// # }).unwrap();
    /// ```
    pub fn parent(mut self, parent: &'a Greenlet<V, E>) -> Self {
        self.parent = parent;
        self
    }

    /// Creates the greenlet with a body; see [`Greenlet::spawn`].
    ///
    /// # Errors
    ///
    /// As [`Greenlet::spawn`].
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.build(&STACKS).name("adder").spawn(|me, x| me.up(x + 1)).unwrap();
    /// assert_eq!(g.switch(1), Ok(2));
    /// # }).unwrap();
    /// ```
    #[inline]
    pub fn spawn<F>(self, body: F) -> Result<Greenlet<V, E>, Refused<SpawnError, F>>
    where
        F: FnOnce(&Me<V, E>, V) -> Outcome<V, E> + 'static,
    {
        const { assert_fits::<V, E, P, F>() }
        #[cfg(feature = "abandon")]
        let _busy = Busy::in_tree_of(self.parent.block());
        let created = match least::missing::<V, E, F>(P::SIZE - P::HEADROOM) {
            None => self.bare(),
            Some(needs) => Err(SpawnError::StackTooSmall { needs: needs + P::HEADROOM, stack: P::SIZE }),
        };
        match created {
            Ok(greenlet) => {
                // SAFETY: just created, so unstarted and without a body; `least` measured the stack.
                unsafe { body::install::<V, E, F>(greenlet.block(), body) };
                Ok(greenlet)
            }
            Err(reason) => Err(Refused { reason, returned: body }),
        }
    }

    /// Creates the greenlet without a body; see [`Greenlet::bare`].
    ///
    /// # Errors
    ///
    /// As [`Greenlet::spawn`].
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.build(&STACKS).name("later").bare().unwrap();
    /// g.set_run(|_me, x| Ok(x + 1)).unwrap();
    /// assert_eq!(g.switch(1), Ok(2));
    /// # }).unwrap();
    /// ```
    #[inline]
    pub fn bare(self) -> Result<Greenlet<V, E>, SpawnError> {
        let parent = self.parent.block();
        if parent.has(ENDED) {
            return Err(SpawnError::Ended);
        }
        #[cfg(feature = "abandon")]
        let _busy = Busy::in_tree_of(parent);
        let claim = self.pool.claim(Core::of(parent.here())).map_err(|reason| self.no_stack(&reason))?;
        let block = if claim.used {
            // SAFETY: a greenlet of this pool had the stack, and is freed; the claim lasts until its release.
            unsafe { Block::renew(claim.block, parent.here()) }
        } else {
            // SAFETY: the claim is for a block, its stack below it, and lasts until its release.
            let bounds = unsafe { overflow::bounds(claim.limit, claim.block.cast()) };
            // SAFETY: the same.
            unsafe { Block::write_first(claim.block, bounds, (claim.home, P::HEADROOM as u32), parent.here()) }
        };
        #[cfg(feature = "high-water")]
        // SAFETY: the same; nothing lies on the stack of a greenlet to be.
        unsafe {
            crate::high_water::paint((block.floor.get(), block.span.get()));
        }
        adopt(parent, block, self.name);
        // SAFETY: `write` counted one reference.
        Ok(unsafe { Greenlet::from_block(block) })
    }

    /// Takes a stack for a greenlet whose body comes later, and then cannot be refused: for a function that wraps the bodies it is
    /// given, and has nothing to give back once it has done so.
    ///
    /// # Errors
    ///
    /// As [`Greenlet::spawn`].
    ///
    /// ```
    /// use greenlet::{Claimed, Greenlet, Me, Outcome, Refused, SpawnError, StackPool, Stacks, Tree};
    ///
    /// /// Spawns `body` so that it runs twice; gives it back as it came when there is no stack.
    /// fn spawn_twice<F, P: Stacks>(main: &Greenlet<u32, ()>, pool: &'static P, body: F)
    ///     -> Result<Greenlet<u32, ()>, Refused<SpawnError, F>>
    /// where
    ///     F: Fn(u32) -> u32 + 'static,
    /// {
    ///     match main.build(pool).name("twice").claim() {
    ///         Ok(claimed) => Ok(claimed.spawn(move |_me, x| Ok(body(body(x))))),
    ///         Err(reason) => Err(Refused { reason, returned: body }),
    ///     }
    /// }
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32, ()> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = spawn_twice(main, &STACKS, |x| x * 3).unwrap();
    /// assert_eq!((g.name(), g.switch(5)), (Some("twice"), Ok(45)));
    /// let refused = spawn_twice(main, &STACKS, |x| x + 1).unwrap_err();
    /// assert_eq!((refused.returned)(1), 2); // the closure itself, to be spawned elsewhere
    /// # }).unwrap();
    /// ```
    pub fn claim(self) -> Result<Claimed<V, E, P>, SpawnError> {
        let greenlet = self.bare()?;
        // Others may find it in the tree; none but the claim gives it a body.
        greenlet.block().set(REPLACING);
        Ok(Claimed { greenlet, pool: PhantomData })
    }

    #[cold]
    fn no_stack(&self, reason: &NoStack) -> SpawnError {
        match reason {
            NoStack::Empty => {
                let [dead, leaked, abandoned] = self.pool.tally().read();
                SpawnError::PoolEmpty { stacks: self.pool.stacks(), dead, leaked, abandoned }
            }
            NoStack::OtherCore => SpawnError::OtherCore,
            NoStack::NoMemory => SpawnError::NoMemory { bytes: P::SIZE },
        }
    }
}

/// Checked when a program is built: the stacks of `P` have room for the body.
const fn assert_fits<V: 'static, E: 'static, P: Stacks, F>() {
    assert!(
        least::least::<V, E, F>() <= P::SIZE - P::HEADROOM,
        "greenlet: the stacks of this pool are too small for the body and the values of the tree, with one value in flight \
         and nothing called: capture less, or use a pool with a larger SIZE"
    );
}

/// A stack that was taken for a greenlet, which gets its body by [`spawn`](Self::spawn). Dropped, it gives the stack back.
///
/// Made by [`Builder::claim`]. The greenlet is in the tree already, as one without a body: [`for_each`](Greenlet::for_each) finds
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
    /// Gives the greenlet its body. A body that cannot fit does not compile, as with [`Greenlet::spawn`].
    ///
    /// A claim that is kept until its tree ends has a dead greenlet by then, as every one without a body is: `body` is dropped, and
    /// the handle is one of those that outlive their trees.
    ///
    /// # Panics
    ///
    /// Where [`Builder::spawn`] would return [`SpawnError::StackTooSmall`]: this crate is compiled with optimization, the caller
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

/// Makes a new block an unstarted child, in the ring of its tree.
#[inline]
fn adopt(parent: BlockPtr, block: BlockPtr, name: Option<&'static str>) {
    block.flags.set(BARE);
    block.name.set(name);
    block.context.link.set(parent.retain().context());
    // SAFETY: the parent is not of an ended tree, so that its tree is entered.
    unsafe { parent.here().main() }.append(block);
}

impl<V: 'static, E: 'static, P: Stacks> fmt::Debug for Builder<'_, V, E, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("parent", self.parent).field("name", &self.name).finish_non_exhaustive()
    }
}
