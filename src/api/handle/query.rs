//! What a greenlet tells of itself.

use crate::kernel::handle::Greenlet;
use crate::kernel::me::{Main, Me};
use crate::records::block::{DEAD, ENDED};
use core::fmt;

/// Where a greenlet is in its life.
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
    /// Created; no transfer has reached it.
    Unstarted,
    /// The current greenlet.
    Running,
    /// Started, and waiting in a transfer.
    Suspended,
    /// Its body is over, or its tree has ended.
    Dead,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unstarted => "unstarted",
            Self::Running => "running",
            Self::Suspended => "suspended",
            Self::Dead => "dead",
        })
    }
}

/// # Questions
///
/// All answers are of this moment; none of these functions moves control.
impl<V: 'static, E: 'static> Greenlet<V, E> {
    /// Where it is in its life.
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
        let block = self.block();
        if block.has(DEAD | ENDED) {
            State::Dead
        } else if block.is_unstarted() {
            State::Unstarted
        } else if block.here().current_ptr() == block.as_ptr() {
            State::Running
        } else {
            State::Suspended
        }
    }

    /// Whether a transfer has reached it, dead ones included: one killed before it ran has started, too.
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

    /// Whether it is started and not dead.
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

    /// Whether it is dead.
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

    /// Whether it is the greenlet that runs.
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

    /// Whether it is its tree's main greenlet.
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

    /// Whether its tree has ended, so that this handle is inert.
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

    /// A number that no other greenlet of this program has, had or will have, on whatever core.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let first = main.bare(&STACKS).unwrap().id(); // and is freed at once
    /// let second = main.bare(&STACKS).unwrap();
    /// assert!(main.id() < first && first < second.id()); // although the stack is the same
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn id(&self) -> u64 {
        self.block().id()
    }

    /// The name given to its [builder](Self::build).
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

    /// A handle to this greenlet: what `clone` gives, also where `clone` would clone a borrow, as with `&Me` and `&Main`.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let to_main = main.handle(); // `main` itself is a borrow, which no body may capture
    /// let g = main.spawn(&STACKS, move |_me, x| to_main.switch(x + 1)).unwrap();
    /// assert_eq!(g.switch(1), Ok(2));
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn handle(&self) -> Self {
        self.clone()
    }

    /// The greenlet of this tree that runs now; `None` when the tree has ended.
    ///
    /// ```
    /// # use greenlet::{Greenlet, StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// fn who(any: &Greenlet<u32, &'static str>) -> Option<&'static str> { any.current()?.name() }
    ///
    /// let g = main.build(&STACKS).name("worker").spawn(|me, x| {
    ///     assert_eq!(who(&me.parent()), Some("worker")); // whoever is asked
    ///     Ok(x)
    /// }).unwrap();
    /// assert_eq!(who(&g), None); // main, who has no name
    /// # g.switch(1).unwrap();
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn current(&self) -> Option<Self> {
        if self.is_ended() {
            return None;
        }
        // SAFETY: the tree is entered, and who holds a handle is code that it runs.
        let current = unsafe { self.block().here().current() };
        // SAFETY: counted here.
        Some(unsafe { Self::from_block(current.retain()) })
    }
}

/// `greenlet 3 "parser" (suspended)`: the states in the words of Python's greenlet, pending, current, suspended, dead.
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
