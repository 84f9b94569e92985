//! Tasklets, and what one can do to another.

use crate::me::Me;
use crate::raised::{Raised, Refusal};
use crate::record::{At, Place, Record};
use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;

/// A tasklet of a scheduler: two words, to be copied and kept as one likes. It keeps nothing alive, and counts as dead when its
/// tasklet or its run is over; no other tasklet is ever taken for it.
///
/// ```
/// # use greenlet::StackPool;
/// # use greenlet_tasklets::Scheduler;
/// # static STACKS: StackPool<1, 16384> = StackPool::new();
/// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
/// # TASKLETS.enter(|main| {
/// let first = main.spawn(&STACKS, |_me| Ok(())).unwrap();
/// main.run_all().unwrap();
/// let second = main.spawn(&STACKS, |_me| Ok(())).unwrap(); // in the place of the first
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

    /// Its record, if it lives.
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
    /// Puts a paused tasklet at the end of the ring. One that is in the ring stays where it is.
    ///
    /// # Errors
    ///
    /// [`Raised::Refused`]: it is blocked, or dead.
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

    /// Takes a tasklet out of the ring: it is paused until it is inserted, run or thrown at. Nothing happens to one that is paused
    /// or dead.
    ///
    /// # Errors
    ///
    /// [`Raised::Refused`]: it is blocked, or the current one.
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// # use greenlet_tasklets::Scheduler;
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    /// # TASKLETS.enter(|main| {
    /// let t = main.spawn(&STACKS, |_me| unreachable!()).unwrap();
    /// t.remove(main).unwrap();
    /// main.run_all().unwrap(); // nobody else
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

    /// Runs this tasklet at once. The caller keeps its place in the ring: if this tasklet was paused, the caller comes right
    /// after it; if it was in the ring, those behind it come first. Returns what is in the caller's cell then.
    ///
    /// # Errors
    ///
    /// [`Raised::Refused`]: it is blocked, or dead. Else as [`Me::schedule`].
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

    /// Runs this tasklet at once, and pauses the caller: [`run`](Self::run), but the caller leaves the ring.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run); also refused is the current one.
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// # use greenlet_tasklets::Scheduler;
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    /// # TASKLETS.enter(|main| {
    /// let t = main.make(&STACKS, |me| { assert!(me.main().is_paused(me)); Ok(()) }).unwrap();
    /// t.switch(main).unwrap(); // nobody can run when it ends, so that main goes on
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
/// What is thrown replaces whatever is in the target's cell: a value that was handed over and not taken yet, or an error. It
/// is delivered once; caught, it is over, an exit, too. Thrown at oneself it is raised at once.
///
/// A tasklet that has not begun dies of what is thrown into it: its body is dropped, and never runs.
impl<V: Default + 'static, E: 'static> Tasklet<V, E> {
    /// Raises an error in this tasklet, now: it runs at once, taken off its channel if it waits at one. The caller keeps its
    /// place. Returns what is in the caller's cell when it is the caller's turn.
    ///
    /// # Errors
    ///
    /// [`Raised::Refused`]: it is dead. Else as [`Me::schedule`].
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
        // At oneself: the current one wakes itself, and comes back at once.
        me.state.wake(self.at);
        let (at, own) = me.own();
        me.pass(at, own)
    }

    /// Raises an error in this tasklet when it is its turn. One that is blocked or paused goes to the end of the ring.
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
    /// t.throw_later(main, "last").unwrap(); // the last one counts
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

    /// Asks this tasklet to exit, now: [`throw`](Self::throw) of [`Raised::Exit`]. Nothing happens to a dead one.
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
    /// let t = main.spawn(&STACKS, |me| { me.schedule_remove(0)?; unreachable!("`?` ends it") }).unwrap();
    /// main.schedule(0).unwrap();
    /// t.kill(main).unwrap();
    /// t.kill(main).unwrap(); // dead already
    /// assert_eq!(STACKS.free(), 1);
    /// # }).unwrap();
    /// ```
    pub fn kill(&self, me: &Me<'_, V, E>) -> Result<V, Raised<E>> {
        if self.alive(me).is_none() { Ok(V::default()) } else { self.throw(me, Raised::Exit) }
    }

    /// Asks this tasklet to exit when it is its turn: [`throw_later`](Self::throw_later) of [`Raised::Exit`]. Nothing happens to a
    /// dead one.
    ///
    /// # Errors
    ///
    /// [`Raised::Exit`]: it is the caller.
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

// Not derived: that would ask for the same of `V` and `E`.
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

/// By the number that no other tasklet has.
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
