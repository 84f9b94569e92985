//! The settings of a channel, and queries about it.

use super::{Channel, Preference};
use crate::me::Me;
use crate::raised::Raised;
use crate::tasklet::Tasklet;
use core::sync::atomic::Ordering::Relaxed;

/// # Settings
impl<V: 'static, E: 'static> Channel<V, E> {
    /// Sets which tasklet continues when a sender and a receiver meet.
    ///
    /// # Errors
    ///
    /// [`Raised::Refused`]: the channel belongs to another scheduler.
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

    /// Sets whether both tasklets of a meeting wait for their turns.
    ///
    /// With `true`, the tasklet that waited goes to the end of the ring, and the next tasklet of the ring runs. The
    /// second to arrive keeps its place, which is right behind that one, so it is the last. The preference has no
    /// effect then.
    ///
    /// # Errors
    ///
    /// [`Raised::Refused`]: the channel belongs to another scheduler.
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

    /// Closes the channel: from now on, an operation that would have to wait fails with [`Raised::Closed`].
    ///
    /// Tasklets that wait already continue to wait, and an operation of the other direction still meets them.
    ///
    /// # Errors
    ///
    /// [`Raised::Refused`]: the channel belongs to another scheduler.
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

    /// Opens the channel again after [`close`](Self::close).
    ///
    /// # Errors
    ///
    /// [`Raised::Refused`]: the channel belongs to another scheduler.
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

/// # Queries
///
/// For a tasklet of another scheduler, these return the initial settings and an empty queue.
impl<V: 'static, E: 'static> Channel<V, E> {
    /// Returns the number of waiting senders; or, negative, that of waiting receivers.
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

    /// Returns the waiting tasklets, all senders or all receivers, in the order of their arrival.
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
        // The caller may change the queue during the iteration, which then ends early, or continues in the ring; the
        // count makes it end.
        let count = self.balance(me).unsigned_abs();
        let mut next = self.first().filter(|_| count > 0);
        (0..count).map_while(move |_| {
            let at = next?;
            next = me.state.at(at).next.get();
            Some(me.handle(at))
        })
    }

    /// Returns which tasklet continues when a sender and a receiver meet.
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
        let all = [Preference::Receiver, Preference::Neither, Preference::Sender];
        all.into_iter().find(|&preference| preference as u8 == now).unwrap_or_default()
    }

    /// Returns whether both tasklets of a meeting wait for their turns; see
    /// [`set_schedule_all`](Self::set_schedule_all).
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

    /// Returns `true` if [`close`](Self::close) was called, and [`open`](Self::open) was not called since.
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

    /// Returns `true` if the channel is closing and no tasklet waits at it.
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
