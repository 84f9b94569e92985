//! Channels, through which tasklets exchange values.

mod iter;
mod settings;

pub use iter::Iter;

use crate::me::Me;
use crate::number::Number;
use crate::raised::{Raised, Refusal};
use crate::record::{At, Contents, Place};
use crate::scheduler::Home;
use core::fmt;
use core::ptr;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU16};

/// An unbuffered channel of a scheduler's tasklets: a sender waits for a receiver, and a receiver for a sender.
///
/// It is a `static`, whose initial value [`Scheduler::channel`](crate::Scheduler::channel) returns. Tasklets wait in
/// the order of their arrival. A value moves from the sender's cell to the receiver's; the channel stores none. In each
/// run of its scheduler a channel starts open, empty and with its initial settings.
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
    /// The run to which the other fields belong. The fields are atomics because a channel is a static; only the
    /// scheduler's core accesses them.
    run: Number,
    pub(crate) balance: AtomicI32,
    pub(crate) first: AtomicU16,
    pub(crate) last: AtomicU16,
    preference: AtomicU8,
    schedule_all: AtomicBool,
    closing: AtomicBool,
    /// The initial settings: the preference, and `schedule_all`.
    built: (Preference, bool),
}

/// Which tasklet continues when a sender and a receiver meet.
///
/// The preference applies when the second of the two arrives. If the tasklet that waited is preferred, it runs at once,
/// and the second one keeps its place in the ring, which makes it the last. Otherwise the second one continues, and the
/// tasklet that waited goes to the end of the ring.
///
/// ```
/// use greenlet_tasklets::{Channel, Preference, Scheduler};
/// static TASKLETS: Scheduler<8, u32> = Scheduler::new();
/// static URGENT: Channel<u32> = TASKLETS.channel().preferring(Preference::Sender);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Preference {
    /// The receiver, as in a function call. -1 in Stackless.
    #[default]
    Receiver,
    /// The second to arrive. 0 in Stackless.
    Neither,
    /// The sender. 1 in Stackless.
    Sender,
}

/// The direction of an operation. The number is what a waiting tasklet adds to the balance.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Send = 1,
    Receive = -1,
}

impl<V: 'static, E: 'static> Channel<V, E> {
    pub(crate) const fn of(home: &'static dyn Home<V, E>) -> Self {
        Self {
            home,
            run: Number::new(0),
            balance: AtomicI32::new(0),
            first: AtomicU16::new(0),
            last: AtomicU16::new(0),
            preference: AtomicU8::new(0),
            schedule_all: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            built: (Preference::Receiver, false),
        }
    }

    /// Returns the channel with another initial preference; see [`set_preference`](Self::set_preference).
    ///
    /// ```
    /// # use greenlet_tasklets::{Channel, Preference, Scheduler};
    /// # static TASKLETS: Scheduler<8, u32> = Scheduler::new();
    /// static LINE: Channel<u32> = TASKLETS.channel().preferring(Preference::Neither);
    /// # TASKLETS.enter(|main| assert_eq!(LINE.preference(main), Preference::Neither)).unwrap();
    /// ```
    #[must_use]
    pub const fn preferring(mut self, preference: Preference) -> Self {
        self.built.0 = preference;
        self
    }

    /// Returns the channel with [`set_schedule_all`](Self::set_schedule_all) as the initial setting.
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

    /// Returns the balance. The caller has checked that the channel is in the current run.
    pub(crate) fn balance_now(&self) -> i32 {
        self.balance.load(Relaxed)
    }

    /// Returns `true` if this channel belongs to the scheduler of `me`. The first call in a run resets the channel.
    #[inline]
    fn is_of(&self, me: &Me<'_, V, E>) -> bool {
        self.run.load(Relaxed) == me.state.run.get() || self.begin(me)
    }

    /// Resets the channel at its first use in a run. Tasklets that waited in an earlier run have ended.
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
    /// Sends a value to the first waiting receiver; if there is none, waits for one.
    ///
    /// Returns what was in the receiver's cell: `V::default()`, unless a tasklet has [set another
    /// value](crate::Tasklet::set_cell).
    ///
    /// # Errors
    ///
    /// - [`Raised::BlockTrap`]: this tasklet would have to wait, and its block trap is set. `value` is dropped.
    /// - [`Raised::Closed`]: this tasklet would have to wait, and the channel is closing. `value` is dropped.
    /// - [`Raised::Deadlock`]: no tasklet is left that could receive.
    /// - [`Raised::NoReceiver`], in main only: the last other tasklet has ended.
    /// - [`Raised::Refused`]: the channel belongs to another scheduler, or interrupts are masked.
    /// - In main, the error with which another tasklet ended; and whatever is thrown into this tasklet while it waits.
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

    /// Sends an error, an exit or the end of an iteration, which is raised in the receiver: Stackless'
    /// `send_exception`.
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
    /// main.spawn(&STACKS, |me| {
    ///     LINE.send_exception(me, "broken")?;
    ///     LINE.send_exception(me, Raised::Stop)
    /// }).unwrap();
    /// assert_eq!(LINE.receive(main), Err(Raised::Error("broken")));
    /// assert_eq!(LINE.next(main), Ok(None));
    /// # }).unwrap();
    /// ```
    pub fn send_exception(&'static self, me: &Me<'_, V, E>, raised: impl Into<Raised<E>>) -> Result<(), Raised<E>> {
        self.act(me, Way::Send, Err(raised.into())).map(drop)
    }

    /// Receives the value of the first waiting sender; if there is none, waits for one.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), with [`Raised::NoSender`] for main; and what the sender sent by
    /// [`send_exception`](Self::send_exception).
    ///
    /// ```
    /// # use greenlet_tasklets::{Channel, Raised, Scheduler};
    /// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    /// # static LINE: Channel<u32> = TASKLETS.channel();
    /// # TASKLETS.enter(|main| {
    /// assert_eq!(LINE.receive(main), Err(Raised::Deadlock)); // there is no other tasklet that could send
    /// # }).unwrap();
    /// ```
    pub fn receive(&'static self, me: &Me<'_, V, E>) -> Result<V, Raised<E>> {
        self.act(me, Way::Receive, Ok(V::default()))
    }

    /// Receives as one step of an iteration; returns `None` at its end.
    ///
    /// The end is a received [`Raised::Stop`], or a channel that is closing and has no waiting sender. The second is
    /// checked before the receive: a tasklet that waits already when the channel is closed continues to wait.
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

    /// Returns an iterator that receives until [`next`](Self::next) returns `None` or an error.
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// # use greenlet_tasklets::{Channel, Raised, Scheduler};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    /// # static LINE: Channel<u32> = TASKLETS.channel();
    /// # TASKLETS.enter(|main| {
    /// main.spawn(&STACKS, |me| {
    ///     LINE.send(me, 1)?;
    ///     LINE.send(me, 2)?;
    ///     LINE.send_exception(me, Raised::Stop)
    /// }).unwrap();
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
