//! The current tasklet: its turns, and what it can ask.

use crate::raised::Raised;
use crate::record::{At, Place as Where, Record};
use crate::state::State;
use crate::tasklet::Tasklet;
use core::convert::Infallible;
use core::fmt;
use greenlet::{Main, Thrown};

/// The tasklet that runs, as its own code sees it: Stackless' module `stackless`.
///
/// It is seen only as `&Me`, for as long as the body runs. Whatever may switch asks for it.
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

    /// The tasklet whose code this is.
    #[inline(always)]
    pub(crate) fn own(&self) -> (At, &'a Record<V, E>) {
        let at = self.state.running.get();
        (at, self.state.at(at))
    }
}

/// # Taking turns
impl<V: Default + 'static, E: 'static> Me<'_, V, E> {
    /// Puts `value` into one's own cell and lets the next tasklet of the ring run. Returns what is in the cell when it is this one's
    /// turn again: `value`, if nobody has changed it.
    ///
    /// # Errors
    ///
    /// What was thrown into this tasklet meanwhile. [`Raised::Exit`] when main is over.
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

    /// Puts `value` into one's own cell, leaves the ring and lets the next tasklet run, until somebody
    /// [inserts](Tasklet::insert) or [runs](Tasklet::run) this one. What a hub calls *park*.
    ///
    /// If nobody else can run, the last one inside [`run_all`](Self::run_all) goes on, or main, also where that is this one: then
    /// this returns at once.
    ///
    /// # Errors
    ///
    /// As [`schedule`](Self::schedule); and [`Raised::Deadlock`] where main waits at a channel and nobody else can run.
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

    /// Leaves the ring and lets the others run, until nobody can: Stackless' `run`. Any tasklet may call it, and calls nest: the
    /// one that began last goes on first.
    ///
    /// # Errors
    ///
    /// What another tasklet died of while this was the last one to wait here; and as [`schedule`](Self::schedule).
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// # use greenlet_tasklets::{Raised, Scheduler};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    /// # TASKLETS.enter(|main| {
    /// main.spawn(&STACKS, |_me| Err("broken".into())).unwrap();
    /// assert_eq!(main.run_all(), Err(Raised::Error("broken")));
    /// assert_eq!(main.run_all(), Ok(())); // nobody is left
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

    /// Leaves the ring, for no queue.
    fn pause(&self, at: At) {
        self.state.leave(at, Where::Paused);
        self.state.if_nobody_is_left(at);
    }

    /// Before an operation that may switch: when main is over, nobody is scheduled any more, and whoever still tries waits for
    /// the end of the tree like any greenlet.
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

    /// Lets the current one go on, until that is this one, whose record is `own`; then empties the cell.
    #[inline]
    pub(crate) fn pass(&self, at: At, own: &Record<V, E>) -> Result<V, Raised<E>> {
        if self.state.ring.get() != Some(at) {
            self.switch_away(at)?;
        }
        own.take()
    }

    /// Control goes by main: its frame has the handle of whoever runs, and drops it when that one is dead. So a stack is free as
    /// soon as its tasklet is over, and a suspended tasklet refers to nobody.
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

    /// Main waits: whoever is the current one runs.
    fn lead(&self) -> Result<(), Raised<E>> {
        let state = self.state;
        let _back = Back(state);
        while let Some(at) = state.ring.get().filter(|&at| at != At::MAIN) {
            let record = state.at(at);
            let Some(greenlet) = record.greenlet.take() else {
                unreachable!("who is in the ring is suspended, or main")
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

    /// The kernel has refused to switch. The caller goes on, as the current one.
    #[cold]
    fn stay(&self, at: At) -> Raised<E> {
        self.state.wake(at);
        drop(self.state.at(at).take());
        Raised::Refused(crate::Refusal::Masked)
    }
}

/// Main leads no more. With the feature `std` of the kernel, a panic of a tasklet may go on in main, out of turn.
struct Back<'a, V: 'static, E: 'static>(&'a State<V, E>);

impl<V: 'static, E: 'static> Drop for Back<'_, V, E> {
    fn drop(&mut self) {
        self.0.running.set(At::MAIN);
        if self.0.ring.get() != Some(At::MAIN) {
            self.0.wake(At::MAIN);
        }
    }
}

/// # Questions
impl<V: 'static, E: 'static> Me<'_, V, E> {
    /// The tasklet that runs: `stackless.current`.
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

    /// The main tasklet: `stackless.main`.
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

    /// How many tasklets can run, this one included: `stackless.runcount`.
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

    /// Those in the ring, from this one on, in the order of their turns.
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
        // Whoever looks may change the ring meanwhile, so there is no turning around at the end, but counting.
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
