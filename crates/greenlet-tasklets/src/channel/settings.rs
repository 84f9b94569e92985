//! How a channel is set, and what it tells.

use super::{Channel, Preference};
use crate::me::Me;
use crate::raised::Raised;
use crate::tasklet::Tasklet;
use core::sync::atomic::Ordering::Relaxed;

/// # Settings
impl<V: 'static, E: 'static> Channel<V, E> {
    /// Sets who goes on when two meet.
    ///
    /// # Errors
    ///
    /// [`Raised::Refused`]: the channel is another scheduler's.
    ///
    /// ```
    /// # use greenlet_tasklets::{Channel, Preference, Scheduler};
    /// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    /// # static LINE: Channel<u32> = TASKLETS.channel();
    /// # TASKLETS.enter(|main| {
    /// LINE.set_preference(main, Preference::Sender).unwrap();
    /// assert_eq!(LINE.preference(main), Preference::Sender);
    /// # }).unwrap();
    /// ```
    pub fn set_preference(&self, me: &Me<'_, V, E>, preference: Preference) -> Result<(), Raised<E>> {
        self.own(me)?;
        self.preference.store(preference as u8, Relaxed);
        Ok(())
    }

    /// Sets whether a meeting schedules: the one that waited goes to the end of the ring, then the next in the ring runs. Who
    /// came second keeps its place, right behind the other one, and is the last by that. The preference does not count then.
    ///
    /// # Errors
    ///
    /// [`Raised::Refused`]: the channel is another scheduler's.
    ///
    /// ```
    /// # use greenlet_tasklets::{Channel, Scheduler};
    /// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    /// # static LINE: Channel<u32> = TASKLETS.channel();
    /// # TASKLETS.enter(|main| {
    /// LINE.set_schedule_all(main, true).unwrap();
    /// assert!(LINE.schedule_all(main));
    /// # }).unwrap();
    /// ```
    pub fn set_schedule_all(&self, me: &Me<'_, V, E>, all: bool) -> Result<(), Raised<E>> {
        self.own(me)?;
        self.schedule_all.store(all, Relaxed);
        Ok(())
    }

    /// From now on nobody waits here: who would have to gets [`Raised::Closed`]. Those who wait already wait on, and are told
    /// nothing; who comes to their other side still meets them.
    ///
    /// # Errors
    ///
    /// [`Raised::Refused`]: the channel is another scheduler's.
    ///
    /// ```
    /// # use greenlet_tasklets::{Channel, Raised, Scheduler};
    /// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    /// # static LINE: Channel<u32> = TASKLETS.channel();
    /// # TASKLETS.enter(|main| {
    /// LINE.close(main).unwrap();
    /// assert_eq!(LINE.send(main, 1), Err(Raised::Closed));
    /// # }).unwrap();
    /// ```
    pub fn close(&self, me: &Me<'_, V, E>) -> Result<(), Raised<E>> {
        self.own(me)?;
        self.closing.store(true, Relaxed);
        Ok(())
    }

    /// Undoes [`close`](Self::close).
    ///
    /// # Errors
    ///
    /// [`Raised::Refused`]: the channel is another scheduler's.
    ///
    /// ```
    /// # use greenlet_tasklets::{Channel, Scheduler};
    /// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    /// # static LINE: Channel<u32> = TASKLETS.channel();
    /// # TASKLETS.enter(|main| {
    /// LINE.close(main).unwrap();
    /// LINE.open(main).unwrap();
    /// assert!(!LINE.is_closing(main));
    /// # }).unwrap();
    /// ```
    pub fn open(&self, me: &Me<'_, V, E>) -> Result<(), Raised<E>> {
        self.own(me)?;
        self.closing.store(false, Relaxed);
        Ok(())
    }
}

/// # Questions
///
/// A channel of another scheduler is, for this one, as it was built.
impl<V: 'static, E: 'static> Channel<V, E> {
    /// How many senders wait; or, below 0, how many receivers.
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// # use greenlet_tasklets::{Channel, Scheduler};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    /// # static LINE: Channel<u32> = TASKLETS.channel();
    /// # TASKLETS.enter(|main| {
    /// main.spawn(&STACKS, |me| LINE.receive(me).map(drop)).unwrap();
    /// main.schedule(0).unwrap();
    /// assert_eq!(LINE.balance(main), -1);
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn balance(&self, me: &Me<'_, V, E>) -> i32 {
        if self.is_of(me) { self.balance_now() } else { 0 }
    }

    /// Those who wait, first come first: all senders, or all receivers.
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// # use greenlet_tasklets::{Channel, Scheduler};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    /// # static LINE: Channel<u32> = TASKLETS.channel();
    /// # TASKLETS.enter(|main| {
    /// let t = main.spawn(&STACKS, |me| LINE.receive(me).map(drop)).unwrap();
    /// main.schedule(0).unwrap();
    /// assert!(LINE.waiting(main).eq([t]));
    /// # }).unwrap();
    /// ```
    pub fn waiting(&self, me: &Me<'_, V, E>) -> impl Iterator<Item = Tasklet<V, E>> {
        // Whoever looks may change the queue meanwhile: then this ends early, or in the ring, but it ends.
        let count = self.balance(me).unsigned_abs();
        let mut next = self.first().filter(|_| count > 0);
        (0..count).map_while(move |_| {
            let at = next?;
            next = me.state.at(at).next.get();
            Some(me.handle(at))
        })
    }

    /// Who goes on when two meet.
    ///
    /// ```
    /// # use greenlet_tasklets::{Channel, Preference, Scheduler};
    /// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    /// # static LINE: Channel<u32> = TASKLETS.channel();
    /// # TASKLETS.enter(|main| assert_eq!(LINE.preference(main), Preference::Receiver)).unwrap();
    /// ```
    #[must_use]
    pub fn preference(&self, me: &Me<'_, V, E>) -> Preference {
        if !self.is_of(me) {
            return self.built.0;
        }
        let now = self.preference.load(Relaxed);
        let all = [Preference::Receiver, Preference::Nobody, Preference::Sender];
        all.into_iter().find(|&preference| preference as u8 == now).unwrap_or_default()
    }

    /// Whether a meeting schedules.
    ///
    /// ```
    /// # use greenlet_tasklets::{Channel, Scheduler};
    /// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    /// # static LINE: Channel<u32> = TASKLETS.channel();
    /// # TASKLETS.enter(|main| assert!(!LINE.schedule_all(main))).unwrap();
    /// ```
    #[must_use]
    pub fn schedule_all(&self, me: &Me<'_, V, E>) -> bool {
        if self.is_of(me) { self.schedule_all.load(Relaxed) } else { self.built.1 }
    }

    /// Whether [`close`](Self::close) was called, and [`open`](Self::open) not since.
    ///
    /// ```
    /// # use greenlet_tasklets::{Channel, Scheduler};
    /// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    /// # static LINE: Channel<u32> = TASKLETS.channel();
    /// # TASKLETS.enter(|main| assert!(!LINE.is_closing(main))).unwrap();
    /// ```
    #[must_use]
    pub fn is_closing(&self, me: &Me<'_, V, E>) -> bool {
        self.is_of(me) && self.closing.load(Relaxed)
    }

    /// Whether it is closing, and nobody waits.
    ///
    /// ```
    /// # use greenlet_tasklets::{Channel, Scheduler};
    /// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    /// # static LINE: Channel<u32> = TASKLETS.channel();
    /// # TASKLETS.enter(|main| {
    /// LINE.close(main).unwrap();
    /// assert!(LINE.is_closed(main));
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn is_closed(&self, me: &Me<'_, V, E>) -> bool {
        self.is_closing(me) && self.balance_now() == 0
    }
}
