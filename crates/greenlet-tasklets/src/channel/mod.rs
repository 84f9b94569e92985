//! Channels: where tasklets meet and exchange values.

mod iter;
mod settings;

pub use iter::Iter;

use crate::me::Me;
use crate::raised::{Raised, Refusal};
use crate::record::{At, Contents, Place};
use crate::scheduler::Home;
use core::fmt;
use core::ptr;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU16, AtomicU64};

/// A meeting place of a scheduler's tasklets: who sends waits for somebody who receives, and the other way round. A `static`,
/// made by [`Scheduler::channel`](crate::Scheduler::channel).
///
/// Both sides wait first come first. A value goes from cell to cell, and is never in the channel. With each run of its
/// scheduler, a channel begins anew: open, empty, as it was built.
///
/// ```
/// use greenlet::StackPool;
/// use greenlet_tasklets::{Channel, Scheduler};
///
/// static STACKS: StackPool<1, 16384> = StackPool::new();
/// static TASKLETS: Scheduler<1, u32> = Scheduler::new();
/// static REQUESTS: Channel<u32> = TASKLETS.channel();
/// static ANSWERS: Channel<u32> = TASKLETS.channel();
///
/// TASKLETS.enter(|main| {
///     main.spawn(&STACKS, |me| loop {
///         let n = REQUESTS.receive(me)?;
///         ANSWERS.send(me, n * n)?;
///     }).unwrap();
///     for n in [2, 3] {
///         REQUESTS.send(main, n).unwrap();
///         assert_eq!(ANSWERS.receive(main), Ok(n * n));
///     }
/// }).unwrap();
/// ```
pub struct Channel<V: 'static = (), E: 'static = &'static str> {
    home: &'static dyn Home<V, E>,
    /// The run that the rest is of. What is here is atomic so that a channel can be a static; only the scheduler's core looks.
    run: AtomicU64,
    pub(crate) balance: AtomicI32,
    pub(crate) first: AtomicU16,
    pub(crate) last: AtomicU16,
    preference: AtomicU8,
    schedule_all: AtomicBool,
    closing: AtomicBool,
    /// As it was built.
    built: (Preference, bool),
}

/// Who goes on when a sender and a receiver meet.
///
/// The preference is looked at when the second of the two comes. If it prefers the one that waited, that one runs at once, and
/// who came second keeps its place in the ring, which makes it the last. Else who came second goes on, and the other one goes
/// to the end of the ring.
///
/// ```
/// use greenlet_tasklets::{Channel, Preference, Scheduler};
/// static TASKLETS: Scheduler<8, u32> = Scheduler::new();
/// static URGENT: Channel<u32> = TASKLETS.channel().preferring(Preference::Sender);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Preference {
    /// The receiver, as in a function call: Stackless' -1.
    #[default]
    Receiver,
    /// Whoever came second: Stackless' 0.
    Nobody,
    /// The sender: Stackless' 1.
    Sender,
}

/// What one comes to do, and whom the balance counts.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Send = 1,
    Receive = -1,
}

impl<V: 'static, E: 'static> Channel<V, E> {
    pub(crate) const fn of(home: &'static dyn Home<V, E>) -> Self {
        Self {
            home,
            run: AtomicU64::new(0),
            balance: AtomicI32::new(0),
            first: AtomicU16::new(0),
            last: AtomicU16::new(0),
            preference: AtomicU8::new(0),
            schedule_all: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            built: (Preference::Receiver, false),
        }
    }

    /// The channel with another preference to begin with; see [`set_preference`](Self::set_preference).
    ///
    /// ```
    /// # use greenlet_tasklets::{Channel, Preference, Scheduler};
    /// # static TASKLETS: Scheduler<8, u32> = Scheduler::new();
    /// static LINE: Channel<u32> = TASKLETS.channel().preferring(Preference::Nobody);
    /// # TASKLETS.enter(|main| assert_eq!(LINE.preference(main), Preference::Nobody)).unwrap();
    /// ```
    #[must_use]
    pub const fn preferring(mut self, preference: Preference) -> Self {
        self.built.0 = preference;
        self
    }

    /// The channel with [`set_schedule_all`](Self::set_schedule_all) to begin with.
    ///
    /// ```
    /// # use greenlet_tasklets::{Channel, Scheduler};
    /// # static TASKLETS: Scheduler<8, u32> = Scheduler::new();
    /// static LINE: Channel<u32> = TASKLETS.channel().scheduling_all();
    /// # TASKLETS.enter(|main| assert!(LINE.schedule_all(main))).unwrap();
    /// ```
    #[must_use]
    pub const fn scheduling_all(mut self) -> Self {
        self.built.1 = true;
        self
    }

    /// The balance, for whoever knows that the channel is of the run.
    pub(crate) fn balance_now(&self) -> i32 {
        self.balance.load(Relaxed)
    }

    /// Whether this channel is of the run of `me`; it is made so if it is of its scheduler's.
    #[inline]
    fn is_of(&self, me: &Me<'_, V, E>) -> bool {
        self.run.load(Relaxed) == me.state.run.get() || self.begin(me)
    }

    /// The first use in a run. Who waited in an earlier one does not any more.
    #[cold]
    fn begin(&self, me: &Me<'_, V, E>) -> bool {
        let own = me.state.home.get().is_some_and(|home| ptr::addr_eq(home, self.home));
        if own {
            self.balance.store(0, Relaxed);
            self.first.store(At::pack(None), Relaxed);
            self.last.store(At::pack(None), Relaxed);
            self.preference.store(self.built.0 as u8, Relaxed);
            self.schedule_all.store(self.built.1, Relaxed);
            self.closing.store(false, Relaxed);
            self.run.store(me.state.run.get(), Relaxed);
        }
        own
    }

    fn own(&self, me: &Me<'_, V, E>) -> Result<(), Raised<E>> {
        if self.is_of(me) { Ok(()) } else { Err(Raised::Refused(Refusal::OtherScheduler)) }
    }
}

/// # Sending and receiving
impl<V: Default + 'static, E: 'static> Channel<V, E> {
    /// Sends a value to the first that waits to receive; waits for somebody if nobody does. Returns what was in the receiver's cell,
    /// which is `V::default()` unless somebody has [put another value](crate::Tasklet::set_cell) there.
    ///
    /// # Errors
    ///
    /// - [`Raised::BlockTrap`], [`Raised::Closed`]: it would have to wait. `value` is dropped.
    /// - [`Raised::Deadlock`]; main gets [`Raised::NoReceiver`], and what others die of.
    /// - [`Raised::Refused`]: the channel is another scheduler's.
    /// - what is thrown into this tasklet meanwhile.
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// # use greenlet_tasklets::{Channel, Scheduler};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    /// # static LINE: Channel<u32> = TASKLETS.channel();
    /// # TASKLETS.enter(|main| {
    /// main.spawn(&STACKS, |me| { assert_eq!(LINE.receive(me)?, 5); Ok(()) }).unwrap();
    /// LINE.send(main, 5).unwrap();
    /// # }).unwrap();
    /// ```
    pub fn send(&'static self, me: &Me<'_, V, E>, value: V) -> Result<V, Raised<E>> {
        self.act(me, Way::Send, Ok(value))
    }

    /// Sends an error, an exit, or the end of an iteration: it is raised in the receiver. Stackless' `send_exception`.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// # use greenlet_tasklets::{Channel, Raised, Scheduler};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    /// # static LINE: Channel<u32> = TASKLETS.channel();
    /// # TASKLETS.enter(|main| {
    /// main.spawn(&STACKS, |me| { LINE.send_exception(me, "broken")?; LINE.send_exception(me, Raised::Stop) }).unwrap();
    /// assert_eq!(LINE.receive(main), Err(Raised::Error("broken")));
    /// assert_eq!(LINE.next(main), Ok(None));
    /// # }).unwrap();
    /// ```
    pub fn send_exception(&'static self, me: &Me<'_, V, E>, raised: impl Into<Raised<E>>) -> Result<(), Raised<E>> {
        self.act(me, Way::Send, Err(raised.into())).map(drop)
    }

    /// Receives what the first that waits to send sends; waits for somebody if nobody does.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), with [`Raised::NoSender`] for main; and what was sent by [`send_exception`](Self::send_exception).
    ///
    /// ```
    /// # use greenlet_tasklets::{Channel, Raised, Scheduler};
    /// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    /// # static LINE: Channel<u32> = TASKLETS.channel();
    /// # TASKLETS.enter(|main| {
    /// assert_eq!(LINE.receive(main), Err(Raised::Deadlock)); // nobody will ever send
    /// # }).unwrap();
    /// ```
    pub fn receive(&'static self, me: &Me<'_, V, E>) -> Result<V, Raised<E>> {
        self.act(me, Way::Receive, Ok(V::default()))
    }

    /// One step of an iteration: receives; `None` when [`Raised::Stop`] was sent, or when the channel is closing and no sender
    /// waits.
    ///
    /// The channel is looked at before it receives: one that waits when the channel is closed waits on.
    ///
    /// # Errors
    ///
    /// As [`receive`](Self::receive).
    ///
    /// ```
    /// # use greenlet_tasklets::{Channel, Scheduler};
    /// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    /// # static LINE: Channel<u32> = TASKLETS.channel();
    /// # TASKLETS.enter(|main| {
    /// LINE.close(main).unwrap();
    /// assert_eq!(LINE.next(main), Ok(None));
    /// # }).unwrap();
    /// ```
    pub fn next(&'static self, me: &Me<'_, V, E>) -> Result<Option<V>, Raised<E>> {
        me.alive()?;
        self.own(me)?;
        if self.closing.load(Relaxed) && self.balance_now() <= 0 {
            return Ok(None);
        }
        match self.receive(me) {
            Ok(value) => Ok(Some(value)),
            Err(Raised::Stop) => Ok(None),
            Err(raised) => Err(raised),
        }
    }

    /// Receives until [`next`](Self::next) says that it is over, or something is raised.
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// # use greenlet_tasklets::{Channel, Raised, Scheduler};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    /// # static LINE: Channel<u32> = TASKLETS.channel();
    /// # TASKLETS.enter(|main| {
    /// main.spawn(&STACKS, |me| { LINE.send(me, 1)?; LINE.send(me, 2)?; LINE.send_exception(me, Raised::Stop) }).unwrap();
    /// for (n, value) in LINE.iter(main).enumerate() {
    ///     assert_eq!(value, Ok(n as u32 + 1));
    /// }
    /// # }).unwrap();
    /// ```
    pub fn iter<'a, 'b>(&'static self, me: &'b Me<'a, V, E>) -> Iter<'a, 'b, V, E> {
        Iter::new(self, me)
    }

    fn act(&'static self, me: &Me<'_, V, E>, way: Way, contents: Contents<V, E>) -> Result<V, Raised<E>> {
        me.alive()?;
        self.own(me)?;
        let state = me.state;
        let (at, own) = me.own();
        let waiting = self.first().filter(|_| self.balance_now().signum() == -(way as i32));
        let Some(other) = waiting else {
            if own.trap.get() {
                return Err(Raised::BlockTrap);
            }
            if self.closing.load(Relaxed) {
                return Err(Raised::Closed);
            }
            own.contents.set(contents);
            state.leave(at, Place::Paused);
            self.queue(state, at, way as i32);
            state.if_nobody_is_left(at);
            return me.pass(at, own);
        };
        own.contents.set(contents);
        own.contents.swap(&state.at(other).contents);
        self.unqueue(state, other);
        let preferred = match self.preference.load(Relaxed) {
            preference if preference == Preference::Receiver as u8 => way == Way::Send,
            preference => preference == Preference::Sender as u8 && way == Way::Receive,
        };
        if self.schedule_all.load(Relaxed) {
            state.append(other);
            state.advance(own);
        } else if preferred {
            state.prefer(other);
        } else {
            state.append(other);
        }
        me.pass(at, own)
    }
}

impl<V: 'static, E: 'static> fmt::Debug for Channel<V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("balance", &self.balance_now()).finish_non_exhaustive()
    }
}
