//! Methods that create children, set bodies, and read and change the parent.

use crate::api::builder::Builder;
use crate::api::pools::{Stacks, least};
use crate::kernel::body::{self, Body};
use crate::kernel::handle::Greenlet;
use crate::kernel::references::release;
use crate::records::block::{BlockPtr, ENDED, NO_BODY, REPLACING};
use crate::records::busy::Busy;
use crate::records::errors::{ParentError, Refused, RunError, SpawnError};
use crate::records::panic::Held;

/// # Family
impl<V: 'static, E: 'static> Greenlet<V, E> {
    /// Creates a child of this greenlet that runs `body` when the first value is sent to it.
    ///
    /// The body receives a borrow of its own greenlet and that first value. The [`Outcome`](crate::Outcome) that it
    /// returns is delivered to its parent. `spawn` moves the body onto the new stack. A body whose captured data
    /// cannot fit there is rejected at compile time:
    ///
    /// ```compile_fail
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 4096> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// let large = [0u8; 2048]; // room for two copies and the control block is more than 4096
    /// TREE.enter(|main| { main.spawn(&STACKS, move |_me, x| Ok(x + large[0] as u32)).unwrap(); });
    /// ```
    ///
    /// # Errors
    ///
    /// The error returns the body, with one of these reasons:
    /// - [`SpawnError::PoolEmpty`]: every stack of the pool is in use.
    /// - [`SpawnError::StackTooSmall`]: `greenlet` is compiled with optimization and the calling crate without, and
    ///   the larger frames of such a build do not fit into the stack.
    /// - [`SpawnError::OtherCore`]: the pool serves one core at a time, and the running tree of another core uses
    ///   it.
    /// - `SpawnError::NoMemory`, with the feature `alloc`: the global allocator has no memory for another stack.
    /// - [`SpawnError::Ended`]: this greenlet's tree has ended.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// static STACKS: StackPool<2, 8192> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let child = main.spawn(&STACKS, |_me, x| Ok(x + 1)).unwrap();
    /// let grandchild = child.spawn(&STACKS, |_me, x| Ok(x * 2)).unwrap();
    /// // The grandchild's result starts its parent, and the parent's result is delivered to main.
    /// assert_eq!(grandchild.switch(20), Ok(41));
    /// # }).unwrap();
    /// ```
    pub fn spawn<F, P: Stacks>(&self, pool: &'static P, body: F) -> Result<Self, Refused<SpawnError, F>>
    where
        F: FnOnce(&crate::Me<V, E>, V) -> crate::Outcome<V, E> + 'static,
    {
        self.build(pool).spawn(body)
    }

    /// Creates a child of this greenlet without a body.
    ///
    /// [`set_run`](Self::set_run) gives it one. A transfer to it before that fails with
    /// [`Thrown::NoRun`](crate::Thrown::NoRun).
    ///
    /// # Errors
    ///
    /// The reasons of [`spawn`](Self::spawn), except [`SpawnError::StackTooSmall`].
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

    /// Returns a builder for a child of this greenlet, with which a name or another parent can be set.
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

    /// Sets the body of an unstarted greenlet, after dropping the body that it may have.
    ///
    /// # Errors
    ///
    /// The error returns the body, with one of these reasons:
    /// - [`RunError::Main`]: main runs the closure of [`Tree::enter`](crate::Tree::enter).
    /// - [`RunError::Started`]: the greenlet has started, or is dead.
    /// - [`RunError::Ended`]: the greenlet's tree has ended.
    /// - [`RunError::TooLarge`]: the body does not fit into the stack.
    /// - [`RunError::Busy`]: the call comes from a destructor of the old body, which is being dropped, or the stack
    ///   was [claimed](crate::Builder::claim).
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
            if self.block().has(NO_BODY) {
                break;
            }
            // Destructors of the old body may call anything, this function as well, so all conditions are checked
            // again.
            let _replacing = Replacing::new(self.block());
            body::drop_body(self.block());
        }
        // SAFETY: unstarted, without a body, and `can_run` measured the stack; the handle knows its types.
        unsafe { body::install_late::<V, E, F>(self.block(), body.into_inner()) };
        Ok(())
    }

    fn can_run<F: Body<V, E>>(&self) -> Result<(), RunError> {
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

    /// Returns the parent, which receives what this greenlet ends with and what is sent to it after that.
    ///
    /// `None` for main, and when the tree has ended.
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

    /// Makes `parent` the parent of this greenlet, in whatever state the two are.
    ///
    /// When a greenlet ends, its result is delivered to the parent that it has at that time.
    ///
    /// The reference to the old parent is released. If it was the last one and the old parent is suspended, the old
    /// parent is killed before this function returns.
    ///
    /// # Errors
    ///
    /// Nothing has changed:
    /// - [`ParentError::Main`]: main has no parent.
    /// - [`ParentError::Ended`]: the tree of one of the two has ended. All trees count as ended but the one that is
    ///   entered.
    /// - [`ParentError::Cycle`]: `parent` is this greenlet or descends from it.
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
    /// assert_eq!(b.switch(0), Ok(11)); // b returns 10, with which a starts
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

/// Marks a greenlet whose old body is being dropped in place.
///
/// A guard, so that the mark is removed when a destructor of the body panics, too.
struct Replacing(BlockPtr);

impl Replacing {
    fn new(block: BlockPtr) -> Self {
        block.set(REPLACING | NO_BODY);
        Self(block)
    }
}

impl Drop for Replacing {
    fn drop(&mut self) {
        self.0.clear(REPLACING);
    }
}
