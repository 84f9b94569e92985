//! Queries about one greenlet: its state, id, name, and which greenlet is current.

use crate::kernel::handle::Greenlet;
use crate::kernel::me::{Main, Me};
use crate::records::block::{BlockPtr, DEAD, ENDED};
use core::fmt;

/// The state of a greenlet in its life cycle.
///
/// ```
/// # use greenlet::{StackPool, State, Tree};
/// # static STACKS: StackPool<1, 16384> = StackPool::new();
/// # static TREE: Tree<u32> = Tree::new();
/// # TREE.enter(|main| {
/// let g = main.spawn(&STACKS, |me, x| { assert_eq!(me.state(), State::Running); me.up(x) }).unwrap();
/// assert_eq!(g.state(), State::Unstarted);
/// g.switch(1).unwrap();
/// assert_eq!((g.state(), g.state().to_string().as_str()), (State::Suspended, "suspended"));
/// g.switch(1).unwrap();
/// assert_eq!(g.state(), State::Dead);
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum State {
    /// Created, and not yet the target of a transfer that succeeded.
    Unstarted,
    /// The current greenlet.
    Running,
    /// Started, and waiting in a call that transferred control to another greenlet.
    Suspended,
    /// Its body has ended, or its tree has.
    Dead,
}

impl State {
    /// The state of the greenlet of `block`.
    pub(crate) fn of(block: BlockPtr) -> Self {
        if block.has(DEAD | ENDED) {
            Self::Dead
        } else if block.is_unstarted() {
            Self::Unstarted
        } else if block.core().current_ptr() == block.as_ptr() {
            Self::Running
        } else {
            Self::Suspended
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Unstarted => "unstarted",
            Self::Running => "running",
            Self::Suspended => "suspended",
            Self::Dead => "dead",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// # Queries
///
/// Each returns the state at the time of the call. None of these functions transfers control.
impl<V: 'static, E: 'static> Greenlet<V, E> {
    /// Returns the state of this greenlet.
    ///
    /// ```
    /// # use greenlet::{StackPool, State, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.bare(&STACKS).unwrap();
    /// assert_eq!((main.state(), g.state()), (State::Running, State::Unstarted));
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn state(&self) -> State {
        State::of(self.block())
    }

    /// Returns `true` unless the state is [`State::Unstarted`]. A greenlet that was killed before its body ran
    /// counts as started.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.spawn(&STACKS, |_me, x| Ok(x)).unwrap();
    /// assert!(!g.is_started());
    /// g.kill().unwrap(); // without having run
    /// assert!(g.is_started() && g.is_dead());
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.state() != State::Unstarted
    }

    /// Returns `true` if this greenlet is running or suspended: started and not dead.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.spawn(&STACKS, |me, x| me.up(x)).unwrap();
    /// assert!(!g.is_active());
    /// g.switch(1).unwrap();
    /// assert!(g.is_active());
    /// g.switch(1).unwrap(); // its body returns
    /// assert!(!g.is_active());
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn is_active(&self) -> bool {
        matches!(self.state(), State::Running | State::Suspended)
    }

    /// Returns `true` if this greenlet's body has ended, or its tree has.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.spawn(&STACKS, |_me, x| Ok(x)).unwrap();
    /// g.switch(1).unwrap();
    /// assert!(g.is_dead() && !main.is_dead());
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.state() == State::Dead
    }

    /// Returns `true` if this is the current greenlet, the one that executes now.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.spawn(&STACKS, |me, x| { assert!(me.is_current() && !me.parent().is_current()); Ok(x) }).unwrap();
    /// assert!(main.is_current() && !g.is_current());
    /// # g.switch(1).unwrap();
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.state() == State::Running
    }

    /// Returns `true` if this is the main greenlet of its tree.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.spawn(&STACKS, |me, x| { assert!(!me.is_main() && me.parent().is_main()); Ok(x) }).unwrap();
    /// # g.switch(1).unwrap();
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn is_main(&self) -> bool {
        self.block().is_main()
    }

    /// Returns `true` if this greenlet's tree has ended, which makes the handle inert: every transfer by it is
    /// refused.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 4096> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// let kept = TREE.enter(|main| {
    ///     let g = main.bare(&STACKS).unwrap();
    ///     assert!(!g.is_ended());
    ///     g
    /// }).unwrap();
    /// assert!(kept.is_ended() && kept.is_dead());
    /// ```
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.block().has(ENDED)
    }

    /// Returns the id of this greenlet, which no other greenlet of the program ever has, on any core.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let first = main.bare(&STACKS).unwrap().id(); // freed at once: the handle was the only reference
    /// let second = main.bare(&STACKS).unwrap();
    /// assert!(main.id() < first && first < second.id()); // although both had the same stack
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn id(&self) -> u64 {
        self.block().id()
    }

    /// Returns the name that was given to the [builder](Self::build), if any.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.build(&STACKS).name("parser").bare().unwrap();
    /// assert_eq!((g.name(), main.name()), (Some("parser"), None));
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn name(&self) -> Option<&'static str> {
        self.block().name.get()
    }

    /// Returns a handle to this greenlet, as `clone` does.
    ///
    /// Also works on `&Me` and `&Main`, where `clone` would copy the borrow.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let to_main = main.handle(); // `main` itself is a borrow, which a body cannot capture
    /// let g = main.spawn(&STACKS, move |_me, x| to_main.switch(x + 1)).unwrap();
    /// assert_eq!(g.switch(1), Ok(2));
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn handle(&self) -> Self {
        self.clone()
    }

    /// Returns the greenlet of this tree that executes now; `None` when the tree has ended.
    ///
    /// ```
    /// # use greenlet::{Greenlet, StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// fn current_name(any: &Greenlet<u32, &'static str>) -> Option<&'static str> { any.current()?.name() }
    ///
    /// let g = main.build(&STACKS).name("worker").spawn(|me, x| {
    ///     assert_eq!(current_name(&me.parent()), Some("worker")); // the same through every handle of the tree
    ///     Ok(x)
    /// }).unwrap();
    /// assert_eq!(current_name(&g), None); // main is current, and has no name
    /// # g.switch(1).unwrap();
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn current(&self) -> Option<Self> {
        if self.is_ended() {
            return None;
        }
        // SAFETY: the tree is entered, and a live handle is only held by code that runs inside of it, on its core.
        let current = unsafe { self.block().core().current() };
        // SAFETY: counted here.
        Some(unsafe { Self::from_block(current.retain()) })
    }
}

/// Writes id, name and state, such as `greenlet 3 "parser" (suspended)`.
///
/// The state is in the words of the Python package: `pending` (unstarted), `current` (running), `suspended`,
/// `dead`.
impl<V: 'static, E: 'static> fmt::Debug for Greenlet<V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state() {
            State::Unstarted => "pending",
            State::Running => "current",
            State::Suspended => "suspended",
            State::Dead => "dead",
        };
        write!(f, "{} ({state})", self.block().identity())
    }
}

impl<V: 'static, E: 'static> fmt::Debug for Me<V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<V: 'static, E: 'static> fmt::Debug for Main<V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
