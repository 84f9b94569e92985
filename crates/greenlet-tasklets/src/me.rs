//! The current tasklet: operations that yield, and queries.

use crate::raised::Raised;
use crate::record::{At, Place as Where, Record};
use crate::state::State;
use crate::tasklet::Tasklet;
use core::convert::Infallible;
use core::fmt;
use greenlet::{Main, Thrown};

/// The current tasklet, as its own code sees it: the counterpart of Stackless' module `stackless`.
///
/// Code has it only as `&Me`, while the body runs. Every operation that may switch takes it as an argument.
///
/// ```
/// use greenlet::StackPool;
/// use greenlet_tasklets::{Me, Raised, Scheduler};
/// static STACKS: StackPool<1, 16384> = StackPool::new();
/// static TASKLETS: Scheduler<1, u32> = Scheduler::new();
///
/// fn worker(me: &Me<u32>) -> Result<(), Raised> {
///     assert_eq!(me.schedule(5)?, 5);
///     Ok(())
/// }
/// TASKLETS.enter(|main| {
///     main.spawn(&STACKS, worker).unwrap();
///     main.run_all().unwrap();
/// }).unwrap();
/// ```
pub struct Me<'a, V: 'static = (), E: 'static = &'static str> {
    pub(crate) state: &'a State<V, E>,
    pub(crate) place: Place<'a>,
}

/// The greenlet of the tasklet.
#[derive(Clone, Copy)]
pub(crate) enum Place<'a> {
    Main(&'a Main<(), Infallible>),
    Tasklet(&'a greenlet::Me<(), Infallible>),
}

impl<'a, V: 'static, E: 'static> Me<'a, V, E> {
    pub(crate) fn new(state: &'a State<V, E>, place: Place<'a>) -> Self {
        Self { state, place }
    }

    /// Returns the tasklet whose code executes, and its record.
    #[inline(always)]
    pub(crate) fn own(&self) -> (At, &'a Record<V, E>) {
        let at = self.state.running.get();
        (at, self.state.at(at))
    }
}

/// # Taking turns
impl<V: Default + 'static, E: 'static> Me<'_, V, E> {
    /// Yields to the next tasklet of the ring.
    ///
    /// `value` goes into the caller's own cell first. Returns what is in the cell at the caller's next turn: `value`,
    /// unless another tasklet has changed it.
    ///
    /// # Errors
    ///
    /// - What was thrown into this tasklet in the meantime.
    /// - [`Raised::Exit`]: main has ended.
    /// - [`Raised::Refused`] with [`Refusal::Masked`](crate::Refusal::Masked): interrupts are masked.
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// # use greenlet_tasklets::Scheduler;
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    /// # TASKLETS.enter(|main| {
    /// main.spawn(&STACKS, |me| { println!("second"); me.schedule(0)?; Ok(()) }).unwrap();
    /// println!("first");
    /// assert_eq!(main.schedule(3), Ok(3));
    /// # }).unwrap();
    /// ```
    pub fn schedule(&self, value: V) -> Result<V, Raised<E>> {
        self.alive()?;
        let (at, own) = self.own();
        own.contents.set(Ok(value));
        self.state.advance(own);
        self.pass(at, own)
    }

    /// Leaves the ring and yields, until another tasklet [inserts](Tasklet::insert) or [runs](Tasklet::run) this one.
    ///
    /// `value` goes into the caller's own cell first, as with [`schedule`](Self::schedule). If no other tasklet can
    /// run, the tasklet that called [`run_all`](Self::run_all) last continues, or else main. If that is the caller,
    /// this returns at once.
    ///
    /// # Errors
    ///
    /// As [`schedule`](Self::schedule); and [`Raised::Deadlock`]: main waits at a channel, and no other tasklet can
    /// run.
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// # use greenlet_tasklets::Scheduler;
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    /// # TASKLETS.enter(|main| {
    /// let parked = main.spawn(&STACKS, |me| { assert_eq!(me.schedule_remove(1)?, 7); Ok(()) }).unwrap();
    /// main.schedule(0).unwrap();
    /// assert!(parked.is_paused(main));
    /// parked.set_cell(main, 7).unwrap();
    /// parked.insert(main).unwrap();
    /// main.run_all().unwrap();
    /// assert!(!parked.is_alive(main));
    /// # }).unwrap();
    /// ```
    pub fn schedule_remove(&self, value: V) -> Result<V, Raised<E>> {
        self.alive()?;
        let (at, own) = self.own();
        own.contents.set(Ok(value));
        self.pause(at);
        self.pass(at, own)
    }

    /// Leaves the ring and lets the other tasklets run, until none can: Stackless' `run`.
    ///
    /// Any tasklet may call it, and calls nest: the last caller continues first.
    ///
    /// # Errors
    ///
    /// The error with which another tasklet ended, while the caller was the last to call this; and as
    /// [`schedule`](Self::schedule).
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// # use greenlet_tasklets::{Raised, Scheduler};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    /// # TASKLETS.enter(|main| {
    /// main.spawn(&STACKS, |_me| Err("broken".into())).unwrap();
    /// assert_eq!(main.run_all(), Err(Raised::Error("broken")));
    /// assert_eq!(main.run_all(), Ok(())); // no tasklet is left
    /// # }).unwrap();
    /// ```
    pub fn run_all(&self) -> Result<(), Raised<E>> {
        self.alive()?;
        let (at, own) = self.own();
        self.state.begin_to_wait(at);
        self.pause(at);
        let back = self.pass(at, own);
        self.state.stop_waiting(at);
        back.map(drop)
    }

    /// Leaves the ring, and is paused then.
    fn pause(&self, at: At) {
        self.state.leave(at, Where::Paused);
        self.state.if_nobody_is_left(at);
    }

    /// Checks, before an operation that may switch, that main has not ended. If it has, suspends the caller until the
    /// end of the tree resumes it with an exit.
    #[inline]
    pub(crate) fn alive(&self) -> Result<(), Raised<E>> {
        if self.state.over.get() { Err(self.too_late()) } else { Ok(()) }
    }

    #[cold]
    fn too_late(&self) -> Raised<E> {
        if let Place::Tasklet(greenlet) = self.place {
            let _exit = greenlet.up(());
        }
        Raised::Exit
    }

    /// Switches to the current tasklet of the ring, if that is not the caller `at`; at the caller's next turn, returns
    /// the contents of its cell. `own` is the caller's record.
    #[inline]
    pub(crate) fn pass(&self, at: At, own: &Record<V, E>) -> Result<V, Raised<E>> {
        if self.state.ring.get() != Some(at) {
            self.switch_away(at)?;
        }
        own.take()
    }

    /// Switches away from `at`, always to or from main.
    ///
    /// Main's frame has the handle of the running tasklet, and drops it when the tasklet has ended. So a stack is free
    /// as soon as its tasklet has ended, and a suspended tasklet has no reference to another one.
    #[inline(never)]
    fn switch_away(&self, at: At) -> Result<(), Raised<E>> {
        match self.place {
            Place::Main(_) => self.lead(),
            Place::Tasklet(greenlet) => match greenlet.up(()) {
                Ok(()) => Ok(()),
                Err(Thrown::Refused(..)) => Err(self.stay(at)),
                // The tree ends.
                Err(_) => Err(Raised::Exit),
            },
        }
    }

    /// Runs the current tasklet of the ring, again and again, until that is main.
    fn lead(&self) -> Result<(), Raised<E>> {
        let state = self.state;
        let _back = Back(state);
        while let Some(at) = state.ring.get().filter(|&at| at != At::MAIN) {
            let record = state.at(at);
            let Some(greenlet) = record.greenlet.take() else {
                unreachable!("a tasklet in the ring is suspended, or main")
            };
            state.running.set(at);
            let back = greenlet.switch(());
            state.running.set(At::MAIN);
            if record.is_alive() {
                record.greenlet.set(Some(greenlet));
            }
            if back.is_err() {
                return Err(self.stay(At::MAIN));
            }
        }
        Ok(())
    }

    /// Makes the caller the current tasklet again, after `greenlet` has refused a switch.
    #[cold]
    fn stay(&self, at: At) -> Raised<E> {
        self.state.wake(at);
        drop(self.state.at(at).take());
        Raised::Refused(crate::Refusal::Masked)
    }
}

/// A guard that makes main the running tasklet when `lead` ends: with the feature `std`, also by a panic of a tasklet,
/// which is resumed in main out of turn.
struct Back<'a, V: 'static, E: 'static>(&'a State<V, E>);

impl<V: 'static, E: 'static> Drop for Back<'_, V, E> {
    fn drop(&mut self) {
        self.0.running.set(At::MAIN);
        if self.0.ring.get() != Some(At::MAIN) {
            self.0.wake(At::MAIN);
        }
    }
}

/// # Queries
impl<V: 'static, E: 'static> Me<'_, V, E> {
    /// Returns the current tasklet: `stackless.current`.
    ///
    /// ```
    /// # use greenlet_tasklets::Scheduler;
    /// # static TASKLETS: Scheduler<1> = Scheduler::new();
    /// # TASKLETS.enter(|main| {
    /// assert!(main.current().is_main(main) && main.current().is_current(main));
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn current(&self) -> Tasklet<V, E> {
        self.handle(self.own().0)
    }

    /// Returns the main tasklet: `stackless.main`.
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// # use greenlet_tasklets::Scheduler;
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TASKLETS: Scheduler<1> = Scheduler::new();
    /// # TASKLETS.enter(|main| {
    /// main.spawn(&STACKS, |me| { assert!(me.main() != me.current()); Ok(()) }).unwrap();
    /// main.run_all().unwrap();
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn main(&self) -> Tasklet<V, E> {
        self.handle(At::MAIN)
    }

    /// Returns the number of tasklets that can run, this one included: `stackless.runcount`.
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// # use greenlet_tasklets::Scheduler;
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TASKLETS: Scheduler<1> = Scheduler::new();
    /// # TASKLETS.enter(|main| {
    /// assert_eq!(main.run_count(), 1);
    /// main.spawn(&STACKS, |_me| Ok(())).unwrap();
    /// assert_eq!(main.run_count(), 2);
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn run_count(&self) -> usize {
        self.state.count.get() as usize
    }

    /// Returns the tasklets of the ring in the order of their turns, from this one on.
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// # use greenlet_tasklets::Scheduler;
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TASKLETS: Scheduler<1> = Scheduler::new();
    /// # TASKLETS.enter(|main| {
    /// let t = main.spawn(&STACKS, |_me| Ok(())).unwrap();
    /// assert!(main.ring().eq([main.current(), t]));
    /// # }).unwrap();
    /// ```
    pub fn ring(&self) -> impl Iterator<Item = Tasklet<V, E>> {
        // The caller may change the ring during the iteration, so the end is found by a count, not by the return to the
        // first.
        let mut next = self.state.ring.get();
        (0..self.state.count.get()).map_while(move |_| {
            let at = next?;
            next = self.state.at(at).next.get();
            Some(self.handle(at))
        })
    }

    pub(crate) fn handle(&self, at: At) -> Tasklet<V, E> {
        Tasklet::new(at, self.state.at(at).id.get())
    }
}

impl<V: 'static, E: 'static> fmt::Debug for Me<'_, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.current().fmt(f)
    }
}
