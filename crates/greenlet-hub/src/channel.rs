//! The rendezvous: a channel without a buffer.

use crate::node::{Kind, List, Node};
use crate::owner::Owner;
use crate::stop::Stop;
use crate::task::Task;
use crate::what::{Waiting, What};
use core::cell::{Cell, UnsafeCell};
use core::fmt;
use core::marker::PhantomData;
use greenlet::Refused;

/// Which of the two tasks that meet at a [`Channel`] runs first.
///
/// ```
/// use greenlet_hub::{Channel, Preference};
/// static REQUESTS: Channel<u32> = Channel::new().preferring(Preference::Neither);
/// assert_eq!(Preference::default(), Preference::Receiver);
/// # let _ = &REQUESTS;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preference {
    /// The receiver continues at once; a sender that comes second goes to the end of its level. -1 in Stackless.
    #[default]
    Receiver,
    /// The task that came second continues; the first becomes ready. 0 in Stackless.
    Neither,
    /// The sender continues at once; a receiver that comes second goes to the end of its level. 1 in Stackless.
    Sender,
    /// Both become ready, the first before the second. `schedule_all` in Stackless.
    Both,
}

pub(crate) type Message<T, E> = Result<T, E>;

/// A rendezvous: a value goes from the frame of the sender straight to that of the receiver. The channel has no buffer.
///
/// For the tasks of one hub: the first that uses it, until its run is over. Waiting tasks are served in the order in
/// which they came. 48 bytes.
///
/// ```
/// # use greenlet_hub::{Hub, Threads};
/// use greenlet_hub::Channel;
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<1> = Hub::new(&PLATFORM);
/// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
/// static SQUARES: Channel<u32> = Channel::new();
/// # HUB.run(|main| {
/// main.spawn(&STACKS, |me| {
///     for n in 1..=3 {
///         SQUARES.send(me, n * n)?;
///     }
///     Ok(SQUARES.close(me))
/// }).unwrap();
/// let mut sum = 0;
/// while let Ok(square) = SQUARES.receive(main) {
///     sum += square;
/// }
/// assert_eq!(sum, 14);
/// # }).unwrap();
/// ```
pub struct Channel<T, E = &'static str> {
    owner: Owner<Manner>,
    waiters: List,
    name: Option<&'static str>,
    /// Invariant in both: through a reference to a channel of shorter borrows a task could send a borrow that ends
    /// before the receiver's does.
    types: PhantomData<Cell<(T, E)>>,
}

/// How a channel serves the tasks that meet there.
struct Manner {
    preference: Preference,
    closed: Cell<bool>,
}

// SAFETY: every operation takes a task and makes its run the owner, or panics, so the fields are used by one core at a
// time. No value stays in it.
unsafe impl<T, E> Sync for Channel<T, E> {}

impl<T, E: 'static> Channel<T, E> {
    /// Creates a channel that prefers the receiver.
    ///
    /// ```
    /// # use greenlet_hub::Channel;
    /// static REQUESTS: Channel<u32> = Channel::new();
    /// # let _ = &REQUESTS;
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self {
            owner: Owner::of(Manner { preference: Preference::Receiver, closed: Cell::new(false) }),
            waiters: List::new(),
            name: None,
            types: PhantomData,
        }
    }

    /// Returns whether it is as [`new`](Self::new) makes it, as far as zeros might not be.
    pub(crate) const fn is_new(&self) -> bool {
        self.name.is_none() && matches!(self.owner.with.preference, Preference::Receiver)
    }

    /// Sets which of two tasks that meet runs first.
    ///
    /// ```
    /// # use greenlet_hub::{Channel, Preference};
    /// static REQUESTS: Channel<u32> = Channel::new().preferring(Preference::Sender);
    /// # let _ = &REQUESTS;
    /// ```
    #[must_use]
    pub const fn preferring(mut self, preference: Preference) -> Self {
        self.owner.with.preference = preference;
        self
    }

    /// Names the channel, for reports.
    ///
    /// ```
    /// # use greenlet_hub::Channel;
    /// static REQUESTS: Channel<u32> = Channel::new().named("requests");
    /// assert!(format!("{REQUESTS:?}").contains("requests"));
    /// ```
    #[must_use]
    pub const fn named(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    #[inline(always)]
    pub(crate) fn enter<V: 'static>(&self, me: &Task<V, E>) {
        self.owner.check::<T, _, _>(me, || self.waiters.forget());
    }

    /// Sends a value: waits until a task receives it.
    ///
    /// # Errors
    ///
    /// A reason to stop, or [`Stop::Closed`], with the value: no task received it. `?` turns the error into [`Stop`].
    ///
    /// # Panics
    ///
    /// If another hub uses the channel.
    ///
    /// ```
    /// # use core::time::Duration;
    /// # use greenlet_hub::{Channel, Hub, Stop, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// static LINE: Channel<String> = Channel::new();
    /// # HUB.run(|main| {
    /// let refused = LINE.send(main, "unreceived".into()).unwrap_err();
    /// assert_eq!((refused.reason, refused.returned.as_str()), (Stop::Deadlock, "unreceived"));
    /// # }).unwrap();
    /// ```
    pub fn send<V: Default + 'static>(&self, me: &Task<V, E>, value: T) -> Result<(), Refused<Stop<E>, T>> {
        match self.put(me, Ok(value)) {
            Err(Refused { reason, returned: Ok(returned) }) => Err(Refused { reason, returned }),
            _ => Ok(()), // an error is not what was put in
        }
    }

    /// Sends an error: the `receive` of the task that gets it ends with [`Stop::Error`].
    ///
    /// # Errors
    ///
    /// A reason to stop, or [`Stop::Closed`], with the error.
    ///
    /// # Panics
    ///
    /// If another hub uses the channel.
    ///
    /// ```
    /// # use greenlet_hub::{Channel, Hub, Stop, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
    /// static LINE: Channel<u32> = Channel::new();
    /// # HUB.run(|main| {
    /// main.spawn(&STACKS, |me| Ok(LINE.send_error(me, "broken")?)).unwrap();
    /// assert_eq!(LINE.receive(main), Err(Stop::Error("broken")));
    /// # }).unwrap();
    /// ```
    pub fn send_error<V: Default + 'static>(&self, me: &Task<V, E>, error: E) -> Result<(), Refused<Stop<E>, E>> {
        match self.put(me, Err(error)) {
            Err(Refused { reason, returned: Err(returned) }) => Err(Refused { reason, returned }),
            _ => Ok(()), // a value is not what was put in
        }
    }

    /// Sends a value if a task waits to receive it, and does not wait itself.
    ///
    /// # Errors
    ///
    /// The value: no task waits, or the channel is closed.
    ///
    /// # Panics
    ///
    /// If another hub uses the channel.
    ///
    /// ```
    /// # use greenlet_hub::{Channel, Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// static LINE: Channel<u32> = Channel::new();
    /// # HUB.run(|main| {
    /// assert_eq!(LINE.try_send(main, 7), Err(7));
    /// # }).unwrap();
    /// ```
    pub fn try_send<V: Default + 'static>(&self, me: &Task<V, E>, value: T) -> Result<(), T> {
        self.enter(me);
        match self.waiters.pop(Kind::Receive) {
            Some(node) => {
                // SAFETY: the place of a receiver of this channel.
                unsafe { give(node, Ok::<T, E>(value)) };
                node.complete();
                Ok(())
            }
            None => Err(value),
        }
    }

    fn put<V: Default + 'static>(
        &self,
        me: &Task<V, E>,
        message: Message<T, E>,
    ) -> Result<(), Refused<Stop<E>, Message<T, E>>> {
        self.enter(me);
        let stopped = if self.owner.with.closed.get() { Err(Stop::Closed) } else { me.check() };
        if let Err(reason) = stopped {
            return Err(Refused { reason, returned: message });
        }
        if let Some(node) = self.waiters.pop(Kind::Receive) {
            // SAFETY: the place of a receiver of this channel.
            unsafe { give(node, message) };
            if self.meet(node, Preference::Receiver) {
                Self::give_way(me);
            }
            return Ok(());
        }
        let place = UnsafeCell::new(Some(message));
        let node = Node::new(me.slot, Kind::Send, place.get().cast());
        // SAFETY: it stays in this frame, and the channel is borrowed.
        unsafe { self.waiters.push(&node) };
        let what = What::named(Waiting::Send, self.name, node.address());
        match (me.wait_for_node(&what, &node), place.into_inner()) {
            (Err(reason), Some(returned)) => Err(Refused { reason, returned }),
            _ => Ok(()),
        }
    }

    /// Receives a value: waits until a task sends one.
    ///
    /// # Errors
    ///
    /// A reason to stop; [`Stop::Error`] if that was sent; [`Stop::Closed`] if the channel is closed, and no sender
    /// from before the close is left.
    ///
    /// # Panics
    ///
    /// If another hub uses the channel.
    ///
    /// ```
    /// # use core::time::Duration;
    /// # use greenlet_hub::{Channel, Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// static LINE: Channel<u32> = Channel::new();
    /// # HUB.run(|main| {
    /// let received = main.with_timeout(Duration::from_millis(1), || LINE.receive(main));
    /// assert_eq!(received, Ok(None));
    /// # }).unwrap();
    /// ```
    pub fn receive<V: Default + 'static>(&self, me: &Task<V, E>) -> Result<T, Stop<E>> {
        self.enter(me);
        me.check()?;
        if let Some(message) = self.take(me) {
            return message.map_err(Stop::Error);
        }
        if self.owner.with.closed.get() {
            return Err(Stop::Closed);
        }
        let place = UnsafeCell::new(None::<Message<T, E>>);
        let node = Node::new(me.slot, Kind::Receive, place.get().cast());
        // SAFETY: it stays in this frame, and the channel is borrowed.
        unsafe { self.waiters.push(&node) };
        me.wait_for_node(&What::named(Waiting::Receive, self.name, node.address()), &node)?;
        received(place.into_inner())
    }

    /// Receives a value if a task waits to send one, and does not wait itself. Returns `None` if none does.
    ///
    /// # Errors
    ///
    /// [`Stop::Error`] if that was sent; [`Stop::Closed`].
    ///
    /// # Panics
    ///
    /// If another hub uses the channel.
    ///
    /// ```
    /// # use greenlet_hub::{Channel, Hub, Stop, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// static LINE: Channel<u32> = Channel::new();
    /// # HUB.run(|main| {
    /// assert_eq!(LINE.try_receive(main), Ok(None));
    /// LINE.close(main);
    /// assert_eq!(LINE.try_receive(main), Err(Stop::Closed));
    /// # }).unwrap();
    /// ```
    pub fn try_receive<V: Default + 'static>(&self, me: &Task<V, E>) -> Result<Option<T>, Stop<E>> {
        self.enter(me);
        let Some(node) = self.waiters.pop(Kind::Send) else {
            return if self.owner.with.closed.get() { Err(Stop::Closed) } else { Ok(None) };
        };
        // SAFETY: the place of a sender of this channel.
        let message = unsafe { take::<T, E>(node) };
        node.complete();
        message.transpose().map_err(Stop::Error)
    }

    /// Takes the message of a sender that waits.
    fn take<V: Default + 'static>(&self, me: &Task<V, E>) -> Option<Message<T, E>> {
        let node = self.waiters.pop(Kind::Send)?;
        // SAFETY: the place of a sender of this channel.
        let message = unsafe { take(node) };
        if self.meet(node, Preference::Sender) {
            Self::give_way(me);
        }
        message
    }

    /// Called when two tasks have met: `first` has waited, in the role `role`. Returns `true` if the other one has to
    /// [give way](Self::give_way).
    #[inline]
    fn meet(&self, first: &Node, role: Preference) -> bool {
        if self.owner.with.preference == role {
            first.complete_first();
            return true;
        }
        first.complete();
        self.owner.with.preference == Preference::Both
    }

    /// Lets the other tasks run first. Apart from [`meet`](Self::meet), because the node is gone when this returns, and a
    /// reference in an argument must be good until then.
    #[inline]
    fn give_way<V: Default + 'static>(me: &Task<V, E>) {
        me.slot.schedule().ready.append(me.slot);
        me.pause(None);
    }

    /// Returns how many tasks wait to send; or, as a negative number, to receive. The time grows with that number.
    ///
    /// # Panics
    ///
    /// If another hub uses the channel.
    ///
    /// ```
    /// # use greenlet_hub::{Channel, Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
    /// static LINE: Channel<u32> = Channel::new();
    /// # HUB.run(|main| {
    /// main.spawn(&STACKS, |me| LINE.receive(me)).unwrap();
    /// main.yield_now().unwrap();
    /// assert_eq!(LINE.balance(main), -1);
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn balance<V: 'static>(&self, me: &Task<V, E>) -> isize {
        self.enter(me);
        let count = |kind| self.waiters.count(kind).cast_signed();
        count(Kind::Send) - count(Kind::Receive)
    }

    /// Closes the channel: no task can begin to send any more. Tasks that wait to receive get [`Stop::Closed`]; those
    /// that wait to send are received first.
    ///
    /// # Panics
    ///
    /// If another hub uses the channel.
    ///
    /// ```
    /// # use greenlet_hub::{Channel, Hub, Stop, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
    /// static LINE: Channel<u32> = Channel::new();
    /// # HUB.run(|main| {
    /// let last = main.spawn(&STACKS, |me| Ok(LINE.send(me, 1)?)).unwrap();
    /// main.yield_now().unwrap();
    /// LINE.close(main);
    /// assert_eq!(LINE.receive(main), Ok(1));
    /// assert_eq!(LINE.receive(main), Err(Stop::Closed));
    /// # last.join(main).unwrap().unwrap();
    /// # }).unwrap();
    /// ```
    pub fn close<V: 'static>(&self, me: &Task<V, E>) {
        self.enter(me);
        self.owner.with.closed.set(true);
        while let Some(node) = self.waiters.pop(Kind::Receive) {
            node.complete(); // its place has nothing
        }
    }
}

/// # Arms of a `select`
impl<T, E: 'static> Channel<T, E> {
    pub(crate) fn take_now<V: Default + 'static>(&self, me: &Task<V, E>) -> Option<Result<T, Stop<E>>> {
        self.enter(me);
        match self.try_receive(me) {
            Ok(None) => None,
            Ok(Some(value)) => Some(Ok(value)),
            Err(stop) => Some(Err(stop)),
        }
    }

    /// Whether it is closed. For wrappers in other languages, after another operation of the same task.
    #[doc(hidden)]
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.owner.with.closed.get()
    }

    pub(crate) fn waiters(&self) -> &List {
        &self.waiters
    }
}

/// Puts a message into the place of a node that waits to receive. Its frame does not change before its task runs.
///
/// # Safety
///
/// The node was in the list of a channel of `T` and `E`, waits to receive, and was taken out just now.
unsafe fn give<T, E>(node: &Node, message: Message<T, E>) {
    // SAFETY: the place is of this type, empty, and only used through this pointer until the node is done.
    unsafe { node.data.cast::<Option<Message<T, E>>>().write(Some(message)) };
}

/// Takes the message out of the place of a node that waits to send. Its frame does not change before its task runs.
///
/// # Safety
///
/// The node was in the list of a channel of `T` and `E`, waits to send, and was taken out just now.
unsafe fn take<T, E>(node: &Node) -> Option<Message<T, E>> {
    // SAFETY: the place is of this type, and only used through this pointer until the node is done.
    unsafe { node.data.cast::<Option<Message<T, E>>>().replace(None) }
}

/// Returns the outcome of a receive that is done. If the channel was closed, nothing is in its place.
pub(crate) fn received<T, E>(place: Option<Message<T, E>>) -> Result<T, Stop<E>> {
    place.map_or(Err(Stop::Closed), |message| message.map_err(Stop::Error))
}

impl<T, E: 'static> Default for Channel<T, E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, E> fmt::Debug for Channel<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("name", &self.name)
            .field("preference", &self.owner.with.preference)
            .finish_non_exhaustive()
    }
}
