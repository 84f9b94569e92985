//! Handles to tasklets, and the operations of one tasklet on another.

use crate::me::Me;
use crate::raised::{Raised, Refusal};
use crate::record::{At, Place, Record};
use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;

/// A handle to a tasklet of a scheduler. `Copy`; its size is two words.
///
/// It keeps nothing alive. Once its tasklet or the run has ended, it counts as dead; it never refers to another
/// tasklet.
///
/// ```
/// # use greenlet::StackPool;
/// # use greenlet_tasklets::Scheduler;
/// # static STACKS: StackPool<1, 16384> = StackPool::new();
/// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
/// # TASKLETS.enter(|main| {
/// let first = main.spawn(&STACKS, |_me| Ok(())).unwrap();
/// main.run_all().unwrap();
/// let second = main.spawn(&STACKS, |_me| Ok(())).unwrap(); // uses the record of the first
/// assert!(!first.is_alive(main) && second.is_alive(main) && first != second);
/// # }).unwrap();
/// ```
pub struct Tasklet<V: 'static = (), E: 'static = &'static str> {
    at: At,
    id: u64,
    types: PhantomData<fn(V) -> E>,
}

impl<V: 'static, E: 'static> Tasklet<V, E> {
    pub(crate) fn new(at: At, id: u64) -> Self {
        Self { at, id, types: PhantomData }
    }

    /// Returns the record of the tasklet if it is alive.
    #[inline]
    pub(crate) fn alive<'a>(&self, me: &Me<'a, V, E>) -> Option<&'a Record<V, E>> {
        let record = me.state.at(self.at);
        (record.id.get() == self.id && record.is_alive()).then_some(record)
    }

    pub(crate) fn is_me(&self, me: &Me<'_, V, E>) -> bool {
        me.own().0 == self.at && self.alive(me).is_some()
    }
}

/// # Turns
impl<V: Default + 'static, E: 'static> Tasklet<V, E> {
    /// Puts a paused tasklet at the end of the ring. One that is in the ring keeps its place.
    ///
    /// # Errors
    ///
    /// [`Raised::Refused`]: the tasklet is blocked ([`Refusal::Blocked`]) or dead ([`Refusal::Dead`]).
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// # use greenlet_tasklets::Scheduler;
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    /// # TASKLETS.enter(|main| {
    /// let t = main.make(&STACKS, |_me| Ok(())).unwrap(); // paused
    /// t.insert(main).unwrap();
    /// main.schedule(0).unwrap();
    /// assert!(t.insert(main).is_err()); // dead
    /// # }).unwrap();
    /// ```
    pub fn insert(&self, me: &Me<'_, V, E>) -> Result<(), Raised<E>> {
        let record = self.alive(me).ok_or(Raised::Refused(Refusal::Dead))?;
        match record.place.get() {
            Place::Blocked(_) => Err(Raised::Refused(Refusal::Blocked)),
            _ => {
                me.state.ready(self.at);
                Ok(())
            }
        }
    }

    /// Takes a tasklet out of the ring: it is paused until it is inserted or run, or something is thrown into it.
    ///
    /// For a paused or dead tasklet this does nothing.
    ///
    /// # Errors
    ///
    /// [`Raised::Refused`]: the tasklet is blocked ([`Refusal::Blocked`]) or the current one ([`Refusal::Current`]).
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// # use greenlet_tasklets::Scheduler;
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    /// # TASKLETS.enter(|main| {
    /// let t = main.spawn(&STACKS, |_me| unreachable!()).unwrap();
    /// t.remove(main).unwrap();
    /// main.run_all().unwrap(); // there is no other tasklet
    /// assert!(t.is_paused(main));
    /// # }).unwrap();
    /// ```
    pub fn remove(&self, me: &Me<'_, V, E>) -> Result<(), Raised<E>> {
        let Some(record) = self.alive(me) else { return Ok(()) };
        match record.place.get() {
            Place::Blocked(_) => Err(Raised::Refused(Refusal::Blocked)),
            Place::Ring if self.is_me(me) => Err(Raised::Refused(Refusal::Current)),
            Place::Ring => {
                me.state.leave(self.at, Place::Paused);
                Ok(())
            }
            Place::Paused | Place::Dead => Ok(()),
        }
    }

    /// Runs this tasklet at once; the caller keeps its place in the ring.
    ///
    /// If this tasklet was paused, the caller's turn comes right after it. If it was in the ring, the turns of the
    /// tasklets behind it come first. Returns what is in the caller's cell at its next turn.
    ///
    /// # Errors
    ///
    /// [`Raised::Refused`]: the tasklet is blocked ([`Refusal::Blocked`]) or dead ([`Refusal::Dead`]). Otherwise as
    /// [`Me::schedule`].
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// # use greenlet_tasklets::Scheduler;
    /// # static STACKS: StackPool<2, 16384> = StackPool::new();
    /// # static TASKLETS: Scheduler<2, u32> = Scheduler::new();
    /// # TASKLETS.enter(|main| {
    /// let skipped = main.spawn(&STACKS, |_me| Ok(())).unwrap();
    /// let urgent = main.make(&STACKS, |_me| Ok(())).unwrap();
    /// urgent.run(main).unwrap();
    /// assert!(!urgent.is_alive(main) && skipped.is_alive(main));
    /// # }).unwrap();
    /// ```
    pub fn run(&self, me: &Me<'_, V, E>) -> Result<V, Raised<E>> {
        me.alive()?;
        self.insert(me)?;
        me.state.wake(self.at);
        let (at, own) = me.own();
        me.pass(at, own)
    }

    /// Runs this tasklet at once, as [`run`](Self::run) does, and pauses the caller, which leaves the ring.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run); and [`Raised::Refused`] if this is the current tasklet ([`Refusal::Current`]).
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// # use greenlet_tasklets::Scheduler;
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    /// # TASKLETS.enter(|main| {
    /// let t = main.make(&STACKS, |me| { assert!(me.main().is_paused(me)); Ok(()) }).unwrap();
    /// t.switch(main).unwrap(); // when it ends, no tasklet can run, so main continues
    /// # }).unwrap();
    /// ```
    pub fn switch(&self, me: &Me<'_, V, E>) -> Result<V, Raised<E>> {
        me.alive()?;
        if self.is_me(me) {
            return Err(Raised::Refused(Refusal::Current));
        }
        self.insert(me)?;
        let (at, own) = me.own();
        me.state.leave(at, Place::Paused);
        me.state.wake(self.at);
        me.pass(at, own)
    }
}

/// # Throwing
///
/// What is thrown replaces the contents of the target's cell: a value that was delivered and not yet returned, or an
/// error. It is raised once. A tasklet that handles it continues, after an exit as well. An error that the caller
/// throws into itself is raised at once.
///
/// A tasklet that has not begun ends with what is thrown into it: its body is dropped without running.
impl<V: Default + 'static, E: 'static> Tasklet<V, E> {
    /// Raises an error in this tasklet, which runs at once; the caller keeps its place in the ring.
    ///
    /// If the tasklet waits at a channel, it is taken out of the queue. Returns what is in the caller's cell at its
    /// next turn.
    ///
    /// # Errors
    ///
    /// [`Raised::Refused`]: the tasklet is dead ([`Refusal::Dead`]). Otherwise as [`Me::schedule`].
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// # use greenlet_tasklets::{Raised, Scheduler};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    /// # TASKLETS.enter(|main| {
    /// let t = main.spawn(&STACKS, |me| match me.schedule_remove(0) {
    ///     Err(Raised::Error("enough")) => Ok(()),
    ///     _ => unreachable!(),
    /// }).unwrap();
    /// main.schedule(0).unwrap();
    /// t.throw(main, "enough").unwrap();
    /// assert!(!t.is_alive(main));
    /// # }).unwrap();
    /// ```
    pub fn throw(&self, me: &Me<'_, V, E>, raised: impl Into<Raised<E>>) -> Result<V, Raised<E>> {
        let record = self.alive(me).ok_or(Raised::Refused(Refusal::Dead))?;
        me.alive()?;
        record.contents.set(Err(raised.into()));
        // If this is the caller, it stays the current one, and `pass` returns at once.
        me.state.wake(self.at);
        let (at, own) = me.own();
        me.pass(at, own)
    }

    /// Raises an error in this tasklet at its next turn. If it is blocked or paused, it goes to the end of the ring.
    ///
    /// # Errors
    ///
    /// As [`throw`](Self::throw).
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// # use greenlet_tasklets::{Raised, Scheduler};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    /// # TASKLETS.enter(|main| {
    /// let t = main.spawn(&STACKS, |_me| unreachable!("it has not begun, and never will")).unwrap();
    /// t.throw_later(main, "first").unwrap();
    /// t.throw_later(main, "last").unwrap(); // replaces the first
    /// assert_eq!(main.run_all(), Err(Raised::Error("last")));
    /// # }).unwrap();
    /// ```
    pub fn throw_later(&self, me: &Me<'_, V, E>, raised: impl Into<Raised<E>>) -> Result<(), Raised<E>> {
        if self.is_me(me) {
            return self.throw(me, raised).map(drop);
        }
        let record = self.alive(me).ok_or(Raised::Refused(Refusal::Dead))?;
        me.alive()?;
        record.contents.set(Err(raised.into()));
        me.state.ready(self.at);
        Ok(())
    }

    /// Asks this tasklet to exit, at once: a [`throw`](Self::throw) of [`Raised::Exit`]. For a dead tasklet this does
    /// nothing.
    ///
    /// # Errors
    ///
    /// As [`Me::schedule`].
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// # use greenlet_tasklets::Scheduler;
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    /// # TASKLETS.enter(|main| {
    /// let t = main.spawn(&STACKS, |me| { me.schedule_remove(0)?; unreachable!("`?` returns the exit") }).unwrap();
    /// main.schedule(0).unwrap();
    /// t.kill(main).unwrap();
    /// t.kill(main).unwrap(); // dead already
    /// assert_eq!(STACKS.free(), 1);
    /// # }).unwrap();
    /// ```
    pub fn kill(&self, me: &Me<'_, V, E>) -> Result<V, Raised<E>> {
        if self.alive(me).is_none() { Ok(V::default()) } else { self.throw(me, Raised::Exit) }
    }

    /// Asks this tasklet to exit at its next turn: a [`throw_later`](Self::throw_later) of [`Raised::Exit`].
    ///
    /// For a dead tasklet this does nothing.
    ///
    /// # Errors
    ///
    /// [`Raised::Exit`]: the tasklet is the caller, or main has ended.
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// # use greenlet_tasklets::Scheduler;
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    /// # TASKLETS.enter(|main| {
    /// let t = main.spawn(&STACKS, |me| { me.schedule_remove(0)?; Ok(()) }).unwrap();
    /// main.schedule(0).unwrap();
    /// t.kill_later(main).unwrap();
    /// assert!(t.is_alive(main) && t.is_scheduled(main));
    /// main.run_all().unwrap();
    /// assert!(!t.is_alive(main));
    /// # }).unwrap();
    /// ```
    pub fn kill_later(&self, me: &Me<'_, V, E>) -> Result<(), Raised<E>> {
        if self.alive(me).is_none() { Ok(()) } else { self.throw_later(me, Raised::Exit) }
    }
}

// Not derived: a derive would require the same traits of `V` and `E`.
impl<V: 'static, E: 'static> Clone for Tasklet<V, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V: 'static, E: 'static> Copy for Tasklet<V, E> {}

impl<V: 'static, E: 'static> PartialEq for Tasklet<V, E> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl<V: 'static, E: 'static> Eq for Tasklet<V, E> {}

/// Hashes the id, which no other tasklet has.
impl<V: 'static, E: 'static> Hash for Tasklet<V, E> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl<V: 'static, E: 'static> fmt::Debug for Tasklet<V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tasklet {}", self.id)
    }
}
