//! A channel with room.

use crate::node::{Kind, List, Node};
use crate::owner::Owner;
use crate::stop::Stop;
use crate::task::Task;
use crate::what::{Waiting, What};
use core::cell::{Cell, UnsafeCell};
use core::fmt;
use core::mem::MaybeUninit;
use greenlet::Refused;

/// A channel that holds up to `N` values: a send waits only if it is full, a receive only if it is empty.
///
/// For the tasks of one hub: the first that uses it, until its run is over. Waiting tasks are served in the order in
/// which they came, and a value goes straight to a task that waits for it. Values that are left stay for the next run.
///
/// ```
/// # use greenlet_hub::{Hub, Threads};
/// use greenlet_hub::Bounded;
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<1> = Hub::new(&PLATFORM);
/// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
/// static LINES: Bounded<String, 4> = Bounded::new();
/// # HUB.run(|main| {
/// let printer = main.spawn(&STACKS, |me| {
///     let mut printed = 0;
///     while let Ok(line) = LINES.receive(me) {
///         println!("{line}");
///         printed += 1;
///     }
///     Ok(printed)
/// }).unwrap();
/// for n in 0..10 {
///     LINES.send(main, format!("line {n}")).unwrap();
/// }
/// LINES.close(main);
/// assert_eq!(printer.join(main), Ok(Ok(10)));
/// # }).unwrap();
/// ```
pub struct Bounded<T, const N: usize> {
    /// With it: whether the channel is closed.
    owner: Owner<Cell<bool>>,
    waiters: List,
    name: Option<&'static str>,
    first: Cell<usize>,
    count: Cell<usize>,
    room: UnsafeCell<[MaybeUninit<T>; N]>,
}

// SAFETY: every operation takes a task and makes its run the owner, or panics, so the fields are used by one core at a
// time. Values may be left for the next run, on another core.
unsafe impl<T: Send, const N: usize> Sync for Bounded<T, N> {}

impl<T, const N: usize> Bounded<T, N> {
    /// Creates an empty channel.
    ///
    /// ```
    /// # use greenlet_hub::Bounded;
    /// static LINES: Bounded<u32, 4> = Bounded::new();
    /// # let _ = &LINES;
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(N > 0, "a channel without room is a `Channel`") };
        Self {
            owner: Owner::of(Cell::new(false)),
            waiters: List::new(),
            name: None,
            first: Cell::new(0),
            count: Cell::new(0),
            room: UnsafeCell::new([const { MaybeUninit::uninit() }; N]),
        }
    }

    /// Names the channel, for reports.
    ///
    /// ```
    /// # use greenlet_hub::Bounded;
    /// static LINES: Bounded<u32, 4> = Bounded::new().named("lines");
    /// assert!(format!("{LINES:?}").contains("lines"));
    /// ```
    #[must_use]
    pub const fn named(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    #[inline(always)]
    fn enter<V: 'static, E: 'static>(&self, me: &Task<V, E>) {
        self.owner.check::<T, _, _>(me, || self.waiters.forget());
    }

    fn cell(&self, index: usize) -> *mut T {
        let at = self.first.get() + index;
        self.room.get().cast::<T>().wrapping_add(if at >= N { at - N } else { at })
    }

    /// Returns `true` if no task waits and none has to: the usual case, in line.
    #[inline(always)]
    fn is_usual<V: Default + 'static, E: 'static>(&self, me: &Task<V, E>, fits: impl FnOnce(usize) -> bool) -> bool {
        me.is_quiet() && fits(self.count.get()) && self.waiters.is_empty()
    }

    /// Puts a value in. There is room.
    #[inline(always)]
    fn push(&self, value: T) {
        let count = self.count.get();
        // SAFETY: in bounds, and empty, because `count` cells are in use.
        unsafe { self.cell(count).write(value) };
        self.count.set(count + 1);
    }

    #[inline(always)]
    fn pop(&self) -> Option<T> {
        let count = self.count.get().checked_sub(1)?;
        // SAFETY: in use; from here on it is not.
        let value = unsafe { self.cell(0).read() };
        self.count.set(count);
        let next = self.first.get() + 1;
        self.first.set(if next == N { 0 } else { next });
        Some(value)
    }

    /// Sends a value: waits while the channel is full.
    ///
    /// # Errors
    ///
    /// A reason to stop, or [`Stop::Closed`], with the value.
    ///
    /// # Panics
    ///
    /// If another hub uses the channel.
    ///
    /// ```
    /// # use greenlet_hub::{Bounded, Hub, Stop, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// static LINES: Bounded<u32, 1> = Bounded::new();
    /// # HUB.run(|main| {
    /// LINES.send(main, 1).unwrap();
    /// assert_eq!(LINES.send(main, 2).unwrap_err().reason, Stop::Deadlock); // full, and no other task
    /// # }).unwrap();
    /// ```
    pub fn send<V: Default + 'static, E: 'static>(&self, me: &Task<V, E>, value: T) -> Result<(), Refused<Stop<E>, T>> {
        self.enter(me);
        if self.is_usual(me, |count| count < N) && !self.owner.with.get() {
            self.push(value);
            return Ok(());
        }
        self.send_or_wait(me, value)
    }

    #[inline(never)]
    fn send_or_wait<V: Default + 'static, E: 'static>(
        &self,
        me: &Task<V, E>,
        value: T,
    ) -> Result<(), Refused<Stop<E>, T>> {
        if let Err(reason) = me.check() {
            return Err(Refused { reason, returned: value });
        }
        let value = match self.send_now(value) {
            Ok(()) => return Ok(()),
            Err(value) if self.owner.with.get() => return Err(Refused { reason: Stop::Closed, returned: value }),
            Err(value) => value,
        };
        let place = UnsafeCell::new(Some(value));
        let node = Node::new(me.slot, Kind::Send, place.get().cast());
        // SAFETY: it stays in this frame, and the channel is borrowed.
        unsafe { self.waiters.push(&node) };
        let what = What::named(Waiting::Send, self.name, node.address());
        match (me.wait_for_node(&what, &node), place.into_inner()) {
            (Err(reason), Some(returned)) => Err(Refused { reason, returned }),
            _ => Ok(()),
        }
    }

    /// Sends a value if there is room, or a task waits for it. Does not wait.
    ///
    /// # Errors
    ///
    /// The value: the channel is full or closed.
    ///
    /// # Panics
    ///
    /// If another hub uses the channel.
    ///
    /// ```
    /// # use greenlet_hub::{Bounded, Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// static LINES: Bounded<u32, 1> = Bounded::new();
    /// # HUB.run(|main| {
    /// assert_eq!(LINES.try_send(main, 1), Ok(()));
    /// assert_eq!(LINES.try_send(main, 2), Err(2));
    /// # }).unwrap();
    /// ```
    pub fn try_send<V: Default + 'static, E: 'static>(&self, me: &Task<V, E>, value: T) -> Result<(), T> {
        self.enter(me);
        self.send_now(value)
    }

    fn send_now(&self, value: T) -> Result<(), T> {
        if self.owner.with.get() {
            return Err(value);
        }
        if let Some(node) = self.waiters.pop(Kind::Receive) {
            // SAFETY: the place of a receiver of this channel, whose frame does not change before its task runs.
            unsafe { node.data.cast::<Option<T>>().write(Some(value)) };
            node.complete();
            return Ok(());
        }
        if self.count.get() == N {
            return Err(value);
        }
        self.push(value);
        Ok(())
    }

    /// Receives a value: waits while the channel is empty.
    ///
    /// # Errors
    ///
    /// A reason to stop; [`Stop::Closed`] if it is closed and empty.
    ///
    /// # Panics
    ///
    /// If another hub uses the channel.
    ///
    /// ```
    /// # use greenlet_hub::{Bounded, Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// static LINES: Bounded<u32, 2> = Bounded::new();
    /// # HUB.run(|main| {
    /// LINES.send(main, 1).unwrap();
    /// LINES.send(main, 2).unwrap();
    /// assert_eq!(LINES.receive(main), Ok(1));
    /// # }).unwrap();
    /// ```
    pub fn receive<V: Default + 'static, E: 'static>(&self, me: &Task<V, E>) -> Result<T, Stop<E>> {
        self.enter(me);
        if self.is_usual(me, |count| count != 0)
            && let Some(value) = self.pop()
        {
            return Ok(value);
        }
        self.receive_or_wait(me)
    }

    #[inline(never)]
    fn receive_or_wait<V: Default + 'static, E: 'static>(&self, me: &Task<V, E>) -> Result<T, Stop<E>> {
        me.check()?;
        if let Some(value) = self.receive_now() {
            return Ok(value);
        }
        if self.owner.with.get() {
            return Err(Stop::Closed);
        }
        let place = UnsafeCell::new(None::<T>);
        let node = Node::new(me.slot, Kind::Receive, place.get().cast());
        // SAFETY: it stays in this frame, and the channel is borrowed.
        unsafe { self.waiters.push(&node) };
        me.wait_for_node(&What::named(Waiting::Receive, self.name, node.address()), &node)?;
        place.into_inner().ok_or(Stop::Closed)
    }

    /// Receives a value if there is one. Does not wait; `None` if it is empty.
    ///
    /// # Errors
    ///
    /// [`Stop::Closed`] if it is closed and empty.
    ///
    /// # Panics
    ///
    /// If another hub uses the channel.
    ///
    /// ```
    /// # use greenlet_hub::{Bounded, Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// static LINES: Bounded<u32, 2> = Bounded::new();
    /// # HUB.run(|main| {
    /// assert_eq!(LINES.try_receive(main), Ok(None));
    /// # }).unwrap();
    /// ```
    pub fn try_receive<V: Default + 'static, E: 'static>(&self, me: &Task<V, E>) -> Result<Option<T>, Stop<E>> {
        self.enter(me);
        match self.receive_now() {
            None if self.owner.with.get() => Err(Stop::Closed),
            value => Ok(value),
        }
    }

    /// Takes a value out. If a sender waits, puts the value of the first one into the room that this makes.
    fn receive_now(&self) -> Option<T> {
        let value = self.pop()?;
        if let Some(node) = self.waiters.pop(Kind::Send) {
            // SAFETY: the place of a sender of this channel, whose frame does not change before its task runs.
            if let Some(next) = unsafe { node.data.cast::<Option<T>>().replace(None) } {
                self.push(next);
            }
            node.complete();
        }
        Some(value)
    }

    /// Returns how many values it holds.
    ///
    /// # Panics
    ///
    /// If another hub uses the channel.
    ///
    /// ```
    /// # use greenlet_hub::{Bounded, Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// static LINES: Bounded<u32, 2> = Bounded::new();
    /// # HUB.run(|main| {
    /// LINES.send(main, 1).unwrap();
    /// assert_eq!(LINES.count(main), 1);
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn count<V: 'static, E: 'static>(&self, me: &Task<V, E>) -> usize {
        self.enter(me);
        self.count.get()
    }

    /// Closes the channel: no task can send any more. What it holds, and what tasks wait to send, is received first;
    /// then a receive ends with [`Stop::Closed`].
    ///
    /// # Panics
    ///
    /// If another hub uses the channel.
    ///
    /// ```
    /// # use greenlet_hub::{Bounded, Hub, Stop, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// static LINES: Bounded<u32, 2> = Bounded::new();
    /// # HUB.run(|main| {
    /// LINES.send(main, 1).unwrap();
    /// LINES.close(main);
    /// assert_eq!(LINES.receive(main), Ok(1));
    /// assert_eq!(LINES.receive(main), Err(Stop::Closed));
    /// # }).unwrap();
    /// ```
    pub fn close<V: 'static, E: 'static>(&self, me: &Task<V, E>) {
        self.enter(me);
        self.owner.with.set(true);
        while let Some(node) = self.waiters.pop(Kind::Receive) {
            node.complete(); // its place has nothing
        }
    }
}

impl<T, const N: usize> Drop for Bounded<T, N> {
    fn drop(&mut self) {
        while self.pop().is_some() {}
    }
}

impl<T, const N: usize> Default for Bounded<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const N: usize> fmt::Debug for Bounded<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bounded").field("name", &self.name).finish_non_exhaustive()
    }
}
