//! The builder of greenlets: claims a stack, writes the control block and installs the body.

use crate::api::claimed::Claimed;
use crate::api::pools::{Stacks, least};
use crate::kernel::body;
use crate::kernel::handle::Greenlet;
use crate::kernel::me::Me;
use crate::kernel::thrown::Outcome;
use crate::records::band;
use crate::records::block::{Block, BlockPtr, ENDED, NO_BODY, REPLACING};
use crate::records::busy::Busy;
use crate::records::core_state::Core;
use crate::records::errors::{Refused, SpawnError};
use crate::records::paint;
use crate::records::pool::{CoreRef, Home, NoStack};
use core::fmt;

/// Creates a greenlet on a stack of a given pool, with a name and a parent of choice.
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

    /// Sets the name that reports show: panic messages, fault reports and `Debug`. Names need not be unique.
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

    /// Sets the parent, which is otherwise the greenlet whose [`build`](Greenlet::build) was called.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<2, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let top = main.spawn(&STACKS, |_me, x| Ok(x * 10)).unwrap();
    /// let g = main.build(&STACKS).parent(&top).spawn(|_me, x| Ok(x + 1)).unwrap();
    /// assert_eq!(g.switch(1), Ok(20)); // g returns 2, with which its parent starts
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
        let _busy = Busy::in_tree_of(self.parent.block());
        let created = match least::missing::<V, E, F>(P::SIZE - P::HEADROOM) {
            None => self.bare(),
            Some(needs) => Err(SpawnError::StackTooSmall { needs: needs + P::HEADROOM, stack: P::SIZE }),
        };
        match created {
            Ok(greenlet) => {
                // SAFETY: just created, so unstarted and without a body; `least` checked the size of the stack.
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
        let _busy = Busy::in_tree_of(parent);
        let claim = self.pool.claim(CoreRef::of(parent.core())).map_err(|reason| self.no_stack(&reason))?;
        let block = if claim.used {
            // SAFETY: an earlier greenlet of this pool had the stack and was freed; the claim lasts until the
            // release.
            unsafe { Block::renew(claim.block, parent.core()) }
        } else {
            // SAFETY: the stack was never used.
            unsafe { first(claim.block, claim.limit, claim.home, P::HEADROOM as u32, parent.core()) }
        };
        // SAFETY: the stack is claimed, and nothing is on it yet.
        unsafe { paint::paint((block.floor(), block.span())) };
        adopt(parent, block, self.name);
        // SAFETY: `renew` and `first` write a block with one reference, which this handle takes over.
        Ok(unsafe { Greenlet::from_block(block) })
    }

    /// Claims a stack for a greenlet whose body is set later, by a call that cannot fail.
    ///
    /// For a function that wraps the body it is given: once the body is wrapped, the function could not return it
    /// in an error.
    ///
    /// # Errors
    ///
    /// As [`Greenlet::spawn`].
    ///
    /// ```
    /// use greenlet::{Claimed, Greenlet, Me, Outcome, Refused, SpawnError, StackPool, Stacks, Tree};
    ///
    /// /// Spawns a greenlet that applies `body` twice; returns `body` unchanged if there is no stack.
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
    /// assert_eq!((refused.returned)(1), 2); // the closure itself, which can be spawned elsewhere
    /// # }).unwrap();
    /// ```
    pub fn claim(self) -> Result<Claimed<V, E, P>, SpawnError> {
        let greenlet = self.bare()?;
        // `for_each` finds the greenlet in the tree; this flag makes `set_run` refuse it.
        greenlet.block().set(REPLACING);
        Ok(Claimed::new(greenlet))
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

/// Fails the build if the stacks of `P` are too small for the body `F`.
pub(crate) const fn assert_fits<V: 'static, E: 'static, P: Stacks, F>() {
    assert!(
        least::least::<V, E, F>() <= P::SIZE - P::HEADROOM,
        "greenlet: the stacks of this pool are too small for the body and the values of the tree, with one value in flight \
         and nothing called: capture less, or use a pool with a larger SIZE"
    );
}

/// Writes the canary band and the control block on a stack that was never used.
///
/// Out of line: `spawn` is inlined at each call site, and this is needed once per stack.
///
/// # Safety
///
/// `block`, `limit` and `home` come from a claim of a stack that was never used.
#[cold]
#[inline(never)]
unsafe fn first(block: *mut Block, limit: *mut u8, home: Home, headroom: u32, core: &'static Core) -> BlockPtr {
    // SAFETY: the claim covers the block and the stack below it, and lasts until the release.
    let bounds = unsafe { band::bounds(limit, block.cast()) };
    // SAFETY: the same.
    unsafe { Block::write_first(block, bounds, (home, headroom), core) }
}

/// Makes a new block an unstarted child of `parent`, and appends it to the list of all greenlets of the tree.
#[inline]
fn adopt(parent: BlockPtr, block: BlockPtr, name: Option<&'static str>) {
    block.flags.set(NO_BODY);
    block.name.set(name);
    block.context.link.set(parent.retain().context());
    // SAFETY: the parent's tree has not ended, so it is entered on this core.
    unsafe { parent.core().main() }.append(block);
}

impl<V: 'static, E: 'static, P: Stacks> fmt::Debug for Builder<'_, V, E, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("parent", self.parent).field("name", &self.name).finish_non_exhaustive()
    }
}
