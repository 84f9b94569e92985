//! Methods of a tasklet for its cell and its block trap, and queries.

use crate::me::Me;
use crate::raised::{Raised, Refusal};
use crate::record::Place;
use crate::tasklet::Tasklet;

/// # The cell
impl<V: Default + 'static, E: 'static> Tasklet<V, E> {
    /// Replaces the contents of this tasklet's cell by a value: Stackless' `tempval`.
    ///
    /// The cell has the result of the operation in which the tasklet waits, the value that it sends, or an error to
    /// raise in it. A value in the caller's own cell is returned by its next operation that may switch and puts nothing
    /// there itself: [`run`](Self::run), [`switch`](Self::switch), [`kill`](Self::kill), [`throw`](Self::throw).
    ///
    /// # Errors
    ///
    /// [`Raised::Refused`]: the tasklet is dead.
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// # use greenlet_tasklets::{Channel, Scheduler};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    /// # static NUMBERS: Channel<u32> = TASKLETS.channel();
    /// # TASKLETS.enter(|main| {
    /// let sender = main.spawn(&STACKS, |me| { NUMBERS.send(me, 1)?; Ok(()) }).unwrap();
    /// main.schedule(0).unwrap();
    /// sender.set_cell(main, 2).unwrap();
    /// assert_eq!(NUMBERS.receive(main), Ok(2));
    /// # }).unwrap();
    /// ```
    pub fn set_cell(&self, me: &Me<'_, V, E>, value: V) -> Result<(), Raised<E>> {
        let record = self.alive(me).ok_or(Raised::Refused(Refusal::Dead))?;
        record.contents.set(Ok(value));
        Ok(())
    }

    /// Returns a copy of what this tasklet's cell has: a value, or what is going to be raised in it. `None` if it is
    /// dead.
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// # use greenlet_tasklets::{Raised, Scheduler};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    /// # TASKLETS.enter(|main| {
    /// let t = main.spawn(&STACKS, |me| { me.schedule(4)?; Ok(()) }).unwrap();
    /// assert_eq!(t.cell(main), Some(Ok(0)));
    /// main.schedule(0).unwrap();
    /// assert_eq!(t.cell(main), Some(Ok(4)));
    /// t.kill_later(main).unwrap();
    /// assert_eq!(t.cell(main), Some(Err(Raised::Exit)));
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn cell(&self, me: &Me<'_, V, E>) -> Option<Result<V, Raised<E>>>
    where
        V: Clone,
        E: Clone,
    {
        let record = self.alive(me)?;
        let contents = record.take();
        let copy = contents.clone();
        record.contents.set(contents);
        Some(copy)
    }

    /// Sets or clears the block trap: with it, an operation fails with [`Raised::BlockTrap`] instead of waiting at a
    /// channel.
    ///
    /// It affects operations of channels only. For a dead tasklet this does nothing.
    ///
    /// ```
    /// # use greenlet_tasklets::{Channel, Raised, Scheduler};
    /// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    /// # static NUMBERS: Channel<u32> = TASKLETS.channel();
    /// # TASKLETS.enter(|main| {
    /// main.current().set_block_trap(main, true);
    /// assert_eq!(NUMBERS.receive(main), Err(Raised::BlockTrap));
    /// # }).unwrap();
    /// ```
    pub fn set_block_trap(&self, me: &Me<'_, V, E>, set: bool) {
        if let Some(record) = self.alive(me) {
            record.trap.set(set);
        }
    }
}

/// # Queries
impl<V: 'static, E: 'static> Tasklet<V, E> {
    /// Returns `true` if the tasklet has not ended. One that has not begun is alive.
    ///
    /// ```
    /// # use greenlet_tasklets::Scheduler;
    /// # static TASKLETS: Scheduler<1> = Scheduler::new();
    /// # TASKLETS.enter(|main| {
    /// assert!(main.current().is_alive(main));
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn is_alive(&self, me: &Me<'_, V, E>) -> bool {
        self.alive(me).is_some()
    }

    /// Returns `true` if this is the current tasklet.
    ///
    /// ```
    /// # use greenlet_tasklets::Scheduler;
    /// # static TASKLETS: Scheduler<1> = Scheduler::new();
    /// # TASKLETS.enter(|main| {
    /// assert!(main.current().is_current(main));
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn is_current(&self, me: &Me<'_, V, E>) -> bool {
        self.is_me(me)
    }

    /// Returns `true` if this is the main tasklet.
    ///
    /// ```
    /// # use greenlet_tasklets::Scheduler;
    /// # static TASKLETS: Scheduler<1> = Scheduler::new();
    /// # TASKLETS.enter(|main| {
    /// assert!(main.current().is_main(main));
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn is_main(&self, me: &Me<'_, V, E>) -> bool {
        *self == me.main()
    }

    /// Returns `true` if the tasklet waits in the queue of a channel.
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// # use greenlet_tasklets::{Channel, Scheduler};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    /// # static NUMBERS: Channel<u32> = TASKLETS.channel();
    /// # TASKLETS.enter(|main| {
    /// let t = main.spawn(&STACKS, |me| NUMBERS.receive(me).map(drop)).unwrap();
    /// main.schedule(0).unwrap();
    /// assert!(t.is_blocked(main) && t.is_scheduled(main) && !t.is_paused(main));
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn is_blocked(&self, me: &Me<'_, V, E>) -> bool {
        self.alive(me).is_some_and(|record| matches!(record.place.get(), Place::Blocked(_)))
    }

    /// Returns `true` if the tasklet is alive and not paused: it can run, or is blocked. The word is that of Stackless.
    ///
    /// ```
    /// # use greenlet_tasklets::Scheduler;
    /// # static TASKLETS: Scheduler<1> = Scheduler::new();
    /// # TASKLETS.enter(|main| {
    /// assert!(main.current().is_scheduled(main));
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn is_scheduled(&self, me: &Me<'_, V, E>) -> bool {
        self.alive(me).is_some_and(|record| !record.is_paused())
    }

    /// Returns `true` if the tasklet is alive, and neither in the ring nor in the queue of a channel.
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// # use greenlet_tasklets::Scheduler;
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TASKLETS: Scheduler<1> = Scheduler::new();
    /// # TASKLETS.enter(|main| {
    /// assert!(main.make(&STACKS, |_me| Ok(())).unwrap().is_paused(main));
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn is_paused(&self, me: &Me<'_, V, E>) -> bool {
        self.alive(me).is_some_and(|record| record.is_paused())
    }

    /// Returns `true` if the [block trap](Self::set_block_trap) of the tasklet is set.
    ///
    /// ```
    /// # use greenlet_tasklets::Scheduler;
    /// # static TASKLETS: Scheduler<1> = Scheduler::new();
    /// # TASKLETS.enter(|main| {
    /// assert!(!main.current().block_trap(main));
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn block_trap(&self, me: &Me<'_, V, E>) -> bool {
        self.alive(me).is_some_and(|record| record.trap.get())
    }
}
