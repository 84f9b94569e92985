//! The arms of a `select`.

use super::sealed::Arm;
use crate::channel::{Channel, Message, received};
use crate::event::Event;
use crate::join::JoinHandle;
use crate::node::{Kind, Node};
use crate::stop::Stop;
use crate::task::Task;
use crate::time::ticks;
use crate::timers::Entry;
use core::cell::UnsafeCell;
use core::fmt;
use core::ptr;
use core::time::Duration;
use greenlet::Refused;

/// An arm that receives from a [`Channel`]. Made by [`Channel::receiving`].
///
/// ```
/// # use greenlet_hub::{Channel, Receive};
/// static LINE: Channel<u32> = Channel::new();
/// let _arm: Receive<'_, u32, &str> = LINE.receiving();
/// ```
pub struct Receive<'a, T, E = &'static str> {
    channel: &'a Channel<T, E>,
    place: UnsafeCell<Option<Message<T, E>>>,
}

/// An arm that sends to a [`Channel`]. Made by [`Channel::sending`].
///
/// ```
/// # use greenlet_hub::{Channel, Send};
/// static LINE: Channel<u32> = Channel::new();
/// let arm: Send<'_, u32, &str> = LINE.sending(7);
/// assert_eq!(arm.into_value(), Some(7));
/// ```
pub struct Send<'a, T, E = &'static str> {
    channel: &'a Channel<T, E>,
    place: UnsafeCell<Option<Message<T, E>>>,
}

/// An arm that waits for an [`Event`](crate::Event). Made by [`Event::setting`](crate::Event::setting).
///
/// ```
/// # use greenlet_hub::{Event, EventArm};
/// static READY: Event = Event::new();
/// let _arm: EventArm<'_> = READY.setting();
/// ```
pub struct EventArm<'a> {
    event: &'a Event,
}

/// An arm that waits for a point in time. Made by [`Task::sleeping`].
///
/// ```
/// # use core::time::Duration;
/// # use greenlet_hub::{Hub, Sleep, Threads};
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<1> = Hub::new(&PLATFORM);
/// # HUB.run(|main| {
/// let _arm: Sleep = main.sleeping(Duration::from_millis(1));
/// # }).unwrap();
/// ```
pub struct Sleep {
    entry: Entry,
}

/// An arm that waits for the end of a task. Made by [`JoinHandle::joining`].
///
/// ```
/// # use greenlet_hub::{Hub, JoinArm, Threads};
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<1> = Hub::new(&PLATFORM);
/// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
/// # HUB.run(|main| {
/// let mut task = main.spawn(&STACKS, |_me| Ok(42)).unwrap();
/// let _arm: JoinArm<'_, u32> = task.joining();
/// # }).unwrap();
/// ```
pub struct JoinArm<'a, T, V: 'static = (), E: 'static = &'static str> {
    handle: &'a JoinHandle<T, V, E>,
}

impl<T, E: 'static> Channel<T, E> {
    /// Returns an arm of a [`select`](crate::select()) that receives.
    ///
    /// Its output is what [`receive`](Self::receive) returns, without the reasons to stop.
    ///
    /// ```
    /// # use greenlet_hub::{Channel, Hub, Threads, select};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
    /// static LINES: [Channel<u32>; 2] = [const { Channel::new() }; 2];
    /// # HUB.run(|main| {
    /// main.spawn(&STACKS, |me| Ok(LINES[0].send(me, 7)?)).unwrap();
    /// assert_eq!(select(main, [LINES[0].receiving(), LINES[1].receiving()]), Ok((0, Ok(7))));
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn receiving(&self) -> Receive<'_, T, E> {
        Receive { channel: self, place: UnsafeCell::new(None) }
    }

    /// Returns an arm of a [`select`](crate::select()) that sends a value.
    ///
    /// Its output is `Ok` if a task received it, and the value if the channel is closed.
    ///
    /// ```
    /// # use greenlet_hub::{Channel, Chosen2, Hub, Threads, select};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
    /// static IN: Channel<u32> = Channel::new();
    /// static OUT: Channel<u32> = Channel::new();
    /// # HUB.run(|main| {
    /// let reader = main.spawn(&STACKS, |me| OUT.receive(me)).unwrap();
    /// assert!(matches!(select(main, (IN.receiving(), OUT.sending(7))), Ok(Chosen2::Second(Ok(())))));
    /// assert_eq!(reader.join(main), Ok(Ok(7)));
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn sending(&self, value: T) -> Send<'_, T, E> {
        Send { channel: self, place: UnsafeCell::new(Some(Ok(value))) }
    }
}

impl<T, E> Send<'_, T, E> {
    /// Returns the value, unless it was sent.
    ///
    /// ```
    /// # use greenlet_hub::Channel;
    /// static LINE: Channel<u32> = Channel::new();
    /// assert_eq!(LINE.sending(7).into_value(), Some(7));
    /// ```
    #[must_use]
    pub fn into_value(self) -> Option<T> {
        self.place.into_inner().and_then(Result::ok)
    }

    fn take(&self) -> Option<T> {
        // SAFETY: no node points to the place now, or the one that does is of a frame that is left.
        unsafe { &mut *self.place.get() }.take().and_then(Result::ok)
    }
}

impl Event {
    /// Returns an arm of a [`select`](crate::select()) that waits until the event is set.
    ///
    /// ```
    /// # use core::time::Duration;
    /// # use greenlet_hub::{Chosen2, Event, Hub, Threads, select};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// static READY: Event = Event::new();
    /// # HUB.run(|main| {
    /// let late = main.sleeping(Duration::from_millis(1));
    /// assert!(matches!(select(main, (READY.setting(), late)), Ok(Chosen2::Second(()))));
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn setting(&self) -> EventArm<'_> {
        EventArm { event: self }
    }
}

impl<V: Default + 'static, E: 'static> Task<V, E> {
    /// Returns an arm of a [`select`](crate::select()) that waits for that time from now.
    ///
    /// ```
    /// # use core::time::Duration;
    /// # use greenlet_hub::{Hub, Threads, select};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # HUB.run(|main| {
    /// let (long, short) = (Duration::from_secs(9), Duration::from_millis(1));
    /// assert_eq!(select(main, [main.sleeping(long), main.sleeping(short)]), Ok((1, ())));
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn sleeping(&self, time: Duration) -> Sleep {
        let schedule = self.slot.schedule();
        Sleep { entry: Entry::new(self.slot, schedule.now().saturating_add(ticks(schedule, time)), 0) }
    }
}

impl<T, V: Default + 'static, E: 'static> JoinHandle<T, V, E> {
    /// Returns an arm of a [`select`](crate::select()) that waits for the end of the task. [`join`](Self::join) then
    /// returns at once with the result.
    ///
    /// ```
    /// # use core::time::Duration;
    /// # use greenlet_hub::{Chosen2, Hub, Threads, select};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
    /// # HUB.run(|main| {
    /// let mut task = main.spawn(&STACKS, |_me| Ok(42)).unwrap();
    /// let chosen = select(main, (task.joining(), main.sleeping(Duration::from_secs(9))));
    /// assert!(matches!(chosen, Ok(Chosen2::First(()))));
    /// assert_eq!(task.join(main), Ok(Ok(42)));
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn joining(&mut self) -> JoinArm<'_, T, V, E> {
        JoinArm { handle: self }
    }
}

impl<T, V: Default + 'static, E: 'static> Arm<V, E> for Receive<'_, T, E> {
    type Output = Result<T, Stop<E>>;

    fn now(&self, me: &Task<V, E>) -> Option<Self::Output> {
        self.channel.take_now(me)
    }

    fn place(&self) -> (Kind, *mut ()) {
        (Kind::Receive, self.place.get().cast())
    }

    unsafe fn enlist(&self, _me: &Task<V, E>, node: &Node) {
        // SAFETY: the same contract; the channel is borrowed.
        unsafe { self.channel.waiters().push(node) };
    }

    fn output(&self) -> Self::Output {
        // SAFETY: the node is done, so its place is not written any more.
        received(unsafe { &mut *self.place.get() }.take())
    }
}

impl<T, V: Default + 'static, E: 'static> Arm<V, E> for Send<'_, T, E> {
    type Output = Result<(), Refused<Stop<E>, Option<T>>>;

    fn now(&self, me: &Task<V, E>) -> Option<Self::Output> {
        self.channel.enter(me);
        if self.channel.is_closed() {
            return Some(Err(Refused { reason: Stop::Closed, returned: self.take() }));
        }
        let value = self.take()?;
        match self.channel.try_send(me, value) {
            Ok(()) => Some(Ok(())),
            Err(value) => {
                // SAFETY: no node points to the place.
                unsafe { *self.place.get() = Some(Ok(value)) };
                None
            }
        }
    }

    fn place(&self) -> (Kind, *mut ()) {
        (Kind::Send, self.place.get().cast())
    }

    unsafe fn enlist(&self, _me: &Task<V, E>, node: &Node) {
        // SAFETY: as in `take`.
        if unsafe { &*self.place.get() }.is_some() {
            // SAFETY: the same contract; the channel is borrowed.
            unsafe { self.channel.waiters().push(node) };
        }
    }

    fn output(&self) -> Self::Output {
        Ok(())
    }
}

impl<V: 'static, E: 'static> Arm<V, E> for EventArm<'_> {
    type Output = ();

    fn now(&self, me: &Task<V, E>) -> Option<()> {
        self.event.is_set(me).then_some(())
    }

    fn place(&self) -> (Kind, *mut ()) {
        (Kind::Receive, ptr::null_mut())
    }

    unsafe fn enlist(&self, _me: &Task<V, E>, node: &Node) {
        // SAFETY: the same contract; the event is borrowed.
        unsafe { self.event.waiters().push(node) };
    }

    fn output(&self) {}
}

impl<V: 'static, E: 'static> Arm<V, E> for Sleep {
    type Output = ();

    fn now(&self, me: &Task<V, E>) -> Option<()> {
        (self.entry.due.get() || self.entry.at <= me.slot.schedule().now()).then_some(())
    }

    fn place(&self) -> (Kind, *mut ()) {
        (Kind::Receive, ptr::null_mut())
    }

    unsafe fn enlist(&self, me: &Task<V, E>, _node: &Node) {
        self.entry.slot.set(me.slot);
        // SAFETY: the same contract, and `leave` removes it.
        unsafe { me.slot.schedule().timers.insert(&self.entry) };
    }

    fn is_due(&self) -> bool {
        self.entry.due.get()
    }

    fn leave(&self) {
        self.entry.leave();
    }

    fn output(&self) {}
}

impl<T, V: Default + 'static, E: 'static> Arm<V, E> for JoinArm<'_, T, V, E> {
    type Output = ();

    fn now(&self, _me: &Task<V, E>) -> Option<()> {
        self.handle.is_over().then_some(())
    }

    fn place(&self) -> (Kind, *mut ()) {
        (Kind::Receive, ptr::null_mut())
    }

    unsafe fn enlist(&self, _me: &Task<V, E>, node: &Node) {
        self.handle.set_joiner(ptr::from_ref(node));
    }

    fn is_due(&self) -> bool {
        self.handle.is_over()
    }

    fn leave(&self) {
        self.handle.set_joiner(ptr::null());
    }

    fn output(&self) {}
}

impl<V: 'static, E: 'static, A: Arm<V, E>> Arm<V, E> for &mut A {
    type Output = A::Output;

    fn now(&self, me: &Task<V, E>) -> Option<Self::Output> {
        (**self).now(me)
    }

    fn place(&self) -> (Kind, *mut ()) {
        (**self).place()
    }

    unsafe fn enlist(&self, me: &Task<V, E>, node: &Node) {
        // SAFETY: the same contract.
        unsafe { (**self).enlist(me, node) };
    }

    fn is_due(&self) -> bool {
        (**self).is_due()
    }

    fn leave(&self) {
        (**self).leave();
    }

    fn output(&self) -> Self::Output {
        (**self).output()
    }
}

impl<T, E> fmt::Debug for Receive<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Receive").field(self.channel).finish()
    }
}

impl<T, E> fmt::Debug for Send<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Send").field(self.channel).finish()
    }
}

impl fmt::Debug for EventArm<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EventArm").field(self.event).finish()
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sleep").field(&self.entry.at).finish()
    }
}

impl<T, V: 'static, E: 'static> fmt::Debug for JoinArm<'_, T, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JoinArm").field(self.handle).finish()
    }
}
