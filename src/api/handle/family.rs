//! Parents and children.

use crate::api::builder::Builder;
use crate::api::pools::{Stacks, least};
use crate::kernel::body::{self, Run};
use crate::kernel::handle::Greenlet;
use crate::kernel::references::release;
use crate::records::block::{BARE, BlockPtr, ENDED, REPLACING};
use crate::records::busy::Busy;
use crate::records::errors::{ParentError, Refused, RunError, SpawnError};
use crate::records::panic::Held;

/// # Family
impl<V: 'static, E: 'static> Greenlet<V, E> {
    /// Creates a child of this greenlet. It runs `body` when the first value reaches it.
    ///
    /// The body gets a borrow of its own greenlet and that value, and returns an [`Outcome`](crate::Outcome): what it
    /// returns goes to its parent. It is moved onto the new stack here. One that cannot fit does not compile:
    ///
    /// ```compile_fail
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 4096> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// let large = [0u8; 2048]; // twice that, and a control block, is more than 4096
    /// TREE.enter(|main| { main.spawn(&STACKS, move |_me, x| Ok(x + large[0] as u32)).unwrap(); });
    /// ```
    ///
    /// # Errors
    ///
    /// The body comes back with
    /// - [`SpawnError::PoolEmpty`]: every stack of the pool is in use;
    /// - [`SpawnError::StackTooSmall`]: this crate is compiled without optimization, `greenlet` is not, and what the kernel takes of a
    ///   stack is more than there is;
    /// - [`SpawnError::OtherCore`]: the pool is of one core at a time, and another core has greenlets in it;
    /// - `SpawnError::NoMemory`, with the feature `alloc`: the global allocator has none for another stack;
    /// - [`SpawnError::Ended`]: this greenlet's tree has ended.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// static STACKS: StackPool<2, 8192> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let child = main.spawn(&STACKS, |_me, x| Ok(x + 1)).unwrap();
    /// let grandchild = child.spawn(&STACKS, |_me, x| Ok(x * 2)).unwrap();
    /// // The grandchild ends in its parent, which starts with what it gets, and ends in main.
    /// assert_eq!(grandchild.switch(20), Ok(41));
    /// # }).unwrap();
    /// ```
    pub fn spawn<F, P: Stacks>(&self, pool: &'static P, body: F) -> Result<Self, Refused<SpawnError, F>>
    where
        F: FnOnce(&crate::Me<V, E>, V) -> crate::Outcome<V, E> + 'static,
    {
        self.build(pool).spawn(body)
    }

    /// Creates a child of this greenlet without a body; [`set_run`](Self::set_run) gives it one. A transfer to it before
    /// that fails with [`Thrown::NoRun`](crate::Thrown::NoRun).
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn).
    ///
    /// ```
    /// # use greenlet::{StackPool, Thrown, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.bare(&STACKS).unwrap();
    /// assert_eq!(g.switch(1), Err(Thrown::NoRun));
    /// # }).unwrap();
    /// ```
    pub fn bare<P: Stacks>(&self, pool: &'static P) -> Result<Self, SpawnError> {
        self.build(pool).bare()
    }

    /// Begins to create a child of this greenlet with a name, or with another parent.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.build(&STACKS).name("adder").spawn(|_me, x| Ok(x + 1)).unwrap();
    /// assert_eq!((g.name(), g.switch(1)), (Some("adder"), Ok(2)));
    /// # }).unwrap();
    /// ```
    pub fn build<'a, P: Stacks>(&'a self, pool: &'static P) -> Builder<'a, V, E, P> {
        Builder::new(self, pool)
    }

    /// Gives an unstarted greenlet its body. One that it had is dropped first.
    ///
    /// # Errors
    ///
    /// The body comes back with
    /// - [`RunError::Main`], [`RunError::Started`], [`RunError::Ended`]: it is too late for a body;
    /// - [`RunError::TooLarge`]: it does not fit the stack;
    /// - [`RunError::Busy`]: a destructor of the old body asks for this, or the stack was [claimed](crate::Builder::claim).
    ///
    /// ```
    /// # use greenlet::{StackPool, Thrown, Tree};
    /// # static STACKS: StackPool<1, 8192> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.bare(&STACKS).unwrap();
    /// assert_eq!(g.switch(1), Err(Thrown::NoRun));
    /// g.set_run(|_me, x| Ok(x + 1)).unwrap();
    /// assert_eq!(g.switch(1), Ok(2));
    /// assert!(g.set_run(|_me, x| Ok(x)).is_err()); // dead
    /// # }).unwrap();
    /// ```
    pub fn set_run<F>(&self, body: F) -> Result<(), Refused<RunError, F>>
    where
        F: FnOnce(&crate::Me<V, E>, V) -> crate::Outcome<V, E> + 'static,
    {
        let _busy = Busy::in_tree_of(self.block());
        let body = Held::new(body); // the old one's destructor may panic
        loop {
            if let Err(reason) = self.can_run::<F>() {
                return Err(Refused { reason, returned: body.into_inner() });
            }
            if self.block().has(BARE) {
                break;
            }
            // What the old body captured may do anything while it is dropped, so everything is asked again.
            let _replacing = Replacing::new(self.block());
            body::drop_body(self.block());
        }
        // SAFETY: unstarted, without a body, and `can_run` measured the stack; the handle knows its types.
        unsafe { body::install::<V, E, F>(self.block(), body.into_inner()) };
        Ok(())
    }

    fn can_run<F: Run<V, E>>(&self) -> Result<(), RunError> {
        let block = self.block();
        if block.is_main() {
            return Err(RunError::Main);
        }
        if block.has(ENDED) {
            return Err(RunError::Ended);
        }
        if !block.is_unstarted() {
            return Err(RunError::Started);
        }
        if block.has(REPLACING) {
            return Err(RunError::Busy);
        }
        let needs = least::needs::<V, E, F>().saturating_add(block.headroom.get() as usize);
        let stack = block.stack_size();
        if needs > stack {
            return Err(RunError::TooLarge { needs, stack });
        }
        Ok(())
    }

    /// The parent: where this greenlet's end, and transfers to it after that, go on. `None` for main, and when the tree has
    /// ended.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.bare(&STACKS).unwrap();
    /// assert_eq!(g.parent(), Some(main.handle()));
    /// assert_eq!(main.parent(), None);
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        // SAFETY: counted here; a parent is of the same tree.
        self.block().parent().map(|parent| unsafe { Self::from_block(parent.retain()) })
    }

    /// Makes `parent` the parent of this greenlet, whatever state the two are in. What counts is the parent at the time of
    /// death.
    ///
    /// Releases a reference to the old parent; if that was the last one, the old parent gets its exit here and now.
    ///
    /// # Errors
    ///
    /// - [`ParentError::Main`]: main has no parent;
    /// - [`ParentError::Ended`]: the tree of one of the two has ended; every tree but the one that is entered has;
    /// - [`ParentError::Cycle`]: this greenlet is above `parent`, or is `parent`.
    ///
    /// ```
    /// # use greenlet::{ParentError, StackPool, Tree};
    /// # static STACKS: StackPool<2, 8192> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let a = main.spawn(&STACKS, |_me, x| Ok(x + 1)).unwrap();
    /// let b = main.spawn(&STACKS, |_me, x| Ok(x + 10)).unwrap();
    /// b.set_parent(&a).unwrap();
    /// assert_eq!(a.set_parent(&b), Err(ParentError::Cycle));
    /// assert_eq!(b.switch(0), Ok(11)); // b ends in a, which starts with 10
    /// # }).unwrap();
    /// ```
    pub fn set_parent(&self, parent: &Self) -> Result<(), ParentError> {
        let (me, new) = (self.block(), parent.block());
        if me.is_main() {
            return Err(ParentError::Main);
        }
        if me.has(ENDED) || new.has(ENDED) {
            return Err(ParentError::Ended);
        }
        if me.is_above(new) {
            return Err(ParentError::Cycle);
        }
        let _busy = Busy::in_tree_of(me);
        if let Some(old) = me.replace_parent(new.retain()) {
            // SAFETY: the parent field owned it.
            unsafe { release::<V, E>(old) };
        }
        Ok(())
    }
}

/// While this lives, the body of an unstarted greenlet is being dropped in place. Ends when that panics, too.
struct Replacing(BlockPtr);

impl Replacing {
    fn new(block: BlockPtr) -> Self {
        block.set(REPLACING | BARE);
        Self(block)
    }
}

impl Drop for Replacing {
    fn drop(&mut self) {
        self.0.clear(REPLACING);
    }
}
