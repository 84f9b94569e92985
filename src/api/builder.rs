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
use crate::records::errors::{Refused, SpawnError};
use crate::records::paint;
use crate::records::pool::{Claim, CoreRef, FreeList, NoStack};
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
        if let Some(reason) = least::refusal::<V, E, F>(P::SIZE, P::HEADROOM) {
            return Err(Refused { reason, returned: body });
        }
        match self.create() {
            Ok(block) => {
                // SAFETY: just created, so unstarted and without a body; `least` checked the size of the stack.
                unsafe { body::install::<V, E, F>(block, body) };
                // SAFETY: the handle takes over the block's one reference.
                Ok(unsafe { Greenlet::from_block(block) })
            }
            Err(reason) => Err(Refused { reason: self.refusal(&reason), returned: body }),
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
        let _busy = Busy::in_tree_of(self.parent.block());
        let block = self.create().map_err(|reason| self.refusal(&reason))?;
        block.set(NO_BODY);
        block.context.clear_sp();
        // SAFETY: the handle takes over the block's one reference.
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

    /// [`create`] with the name.
    #[inline]
    fn create(&self) -> Result<BlockPtr, NoStack> {
        let block = create(self.parent.block(), self.pool)?;
        if self.name.is_some() {
            block.name.set(self.name);
        }
        Ok(block)
    }

    #[cold]
    fn refusal(&self, reason: &NoStack) -> SpawnError {
        match reason {
            NoStack::Empty => {
                let [dead, leaked, abandoned] = self.pool.free_list().tally().read();
                SpawnError::PoolEmpty { stacks: self.pool.stacks(), dead, leaked, abandoned }
            }
            NoStack::OtherCore => SpawnError::OtherCore,
            NoStack::NoMemory => SpawnError::NoMemory { bytes: P::SIZE },
            NoStack::Ended => SpawnError::Ended,
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

/// Creates an unstarted child of `parent`, at the end of the list of all greenlets of the tree. It has one reference,
/// the caller's, and no body: the caller installs one, or sets [`NO_BODY`].
///
/// Without the types of the tree and of the body, and with arguments and result in registers: `spawn` is inlined at
/// each call site, and this is the part that need not be.
fn create<P: Stacks>(parent: BlockPtr, pool: &'static P) -> Result<BlockPtr, NoStack> {
    if parent.has(ENDED) {
        return Err(NoStack::Ended);
    }
    if cfg!(small) {
        return create_anywhere(parent, pool); // one way
    }
    match pool.free_list().reuse(CoreRef::of(parent.core())) {
        // SAFETY: an earlier greenlet of this pool had the stack and was freed; the claim lasts until the release.
        Some(place) => Ok(adopt(parent, unsafe { Block::renew_unlinked(place.block, parent.core()) })),
        None => create_anywhere(parent, pool),
    }
}

/// [`create`] on any stack of `pool`, also one that was never used.
#[inline(never)] // so that the short way calls nothing
fn create_anywhere<P: Stacks>(parent: BlockPtr, pool: &'static P) -> Result<BlockPtr, NoStack> {
    let core = parent.core();
    let Claim { block, limit, home, used } = pool.claim(CoreRef::of(core))?;
    let block = if used {
        // SAFETY: as in `create`.
        unsafe { Block::renew(block, core) }
    } else {
        // SAFETY: the claim covers the block and the stack below it, which was never used, and lasts until the release.
        let bounds = unsafe { band::bounds(limit, block.cast()) };
        // SAFETY: the same.
        unsafe { Block::write_first(block, bounds, (home, P::HEADROOM as u32), core) }
    };
    Ok(adopt(parent, block))
}

/// Makes a new block a child of `parent`, and appends it to the list of all greenlets of the tree. Returns it.
#[inline]
fn adopt(parent: BlockPtr, block: BlockPtr) -> BlockPtr {
    // SAFETY: the stack is claimed, and nothing is on it yet.
    unsafe { paint::paint((block.floor(), block.span())) };
    block.context.link.set(parent.retain().context());
    // SAFETY: the parent's tree has not ended, so it is entered on this core.
    unsafe { parent.core().main() }.append(block);
    block
}

impl<V: 'static, E: 'static, P: Stacks> fmt::Debug for Builder<'_, V, E, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("parent", self.parent).field("name", &self.name).finish_non_exhaustive()
    }
}
