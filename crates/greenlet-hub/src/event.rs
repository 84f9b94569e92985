//! A flag for which tasks wait.

use crate::node::{Kind, List, Node};
use crate::owner::Owner;
use crate::stop::Stop;
use crate::task::Task;
use crate::what::{Waiting, What};
use core::cell::Cell;
use core::fmt;
use core::ptr;

/// A flag that tasks set, clear, and wait for. For the tasks of one hub; from handlers and other cores, use a
/// [`Signal`](crate::Signal).
///
/// ```
/// # use greenlet_hub::{Hub, Threads};
/// use greenlet_hub::Event;
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<1> = Hub::new(&PLATFORM);
/// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
/// static READY: Event = Event::new();
/// # HUB.run(|main| {
/// main.spawn(&STACKS, |me| Ok(READY.set(me))).unwrap();
/// READY.wait(main).unwrap();
/// # }).unwrap();
/// ```
pub struct Event {
    owner: Owner,
    waiters: List,
    name: Option<&'static str>,
    set: Cell<bool>,
}

// SAFETY: every operation takes a task and makes its run the owner, or panics, so the fields are used by one core at a
// time.
unsafe impl Sync for Event {}

impl Event {
    /// Creates an event that is not set.
    ///
    /// ```
    /// # use greenlet_hub::Event;
    /// static READY: Event = Event::new();
    /// # let _ = &READY;
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { owner: Owner::new(), waiters: List::new(), name: None, set: Cell::new(false) }
    }

    /// Names the event, for reports.
    ///
    /// ```
    /// # use greenlet_hub::Event;
    /// static READY: Event = Event::new().named("ready");
    /// assert!(format!("{READY:?}").contains("ready"));
    /// ```
    #[must_use]
    pub const fn named(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    pub(crate) fn enter<V: 'static, E: 'static>(&self, me: &Task<V, E>) {
        self.owner.check::<(), _, _>(me, || self.waiters.forget());
    }

    pub(crate) fn waiters(&self) -> &List {
        &self.waiters
    }

    /// Sets the event: all tasks that wait become ready, and a wait returns at once until it is cleared.
    ///
    /// # Panics
    ///
    /// If another hub uses the event.
    ///
    /// ```
    /// # use greenlet_hub::{Event, Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// static READY: Event = Event::new();
    /// # HUB.run(|main| {
    /// READY.set(main);
    /// READY.wait(main).unwrap();
    /// # }).unwrap();
    /// ```
    pub fn set<V: 'static, E: 'static>(&self, me: &Task<V, E>) {
        self.enter(me);
        self.set.set(true);
        while let Some(node) = self.waiters.pop(Kind::Receive) {
            node.complete();
        }
    }

    /// Clears the event.
    ///
    /// # Panics
    ///
    /// If another hub uses the event.
    ///
    /// ```
    /// # use greenlet_hub::{Event, Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// static READY: Event = Event::new();
    /// # HUB.run(|main| {
    /// READY.set(main);
    /// READY.clear(main);
    /// assert!(!READY.is_set(main));
    /// # }).unwrap();
    /// ```
    pub fn clear<V: 'static, E: 'static>(&self, me: &Task<V, E>) {
        self.enter(me);
        self.set.set(false);
    }

    /// Returns `true` if the event is set.
    ///
    /// # Panics
    ///
    /// If another hub uses the event.
    ///
    /// ```
    /// # use greenlet_hub::{Event, Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// static READY: Event = Event::new();
    /// # HUB.run(|main| {
    /// READY.set(main);
    /// assert!(READY.is_set(main));
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn is_set<V: 'static, E: 'static>(&self, me: &Task<V, E>) -> bool {
        self.enter(me);
        self.set.get()
    }

    /// Waits until the event is set.
    ///
    /// # Errors
    ///
    /// A reason to stop.
    ///
    /// # Panics
    ///
    /// If another hub uses the event.
    ///
    /// ```
    /// # use core::time::Duration;
    /// # use greenlet_hub::{Event, Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// static READY: Event = Event::new();
    /// # HUB.run(|main| {
    /// assert_eq!(main.with_timeout(Duration::from_millis(1), || READY.wait(main)), Ok(None));
    /// # }).unwrap();
    /// ```
    pub fn wait<V: Default + 'static, E: 'static>(&self, me: &Task<V, E>) -> Result<(), Stop<E>> {
        self.enter(me);
        me.check()?;
        if self.set.get() {
            return Ok(());
        }
        let node = Node::new(me.slot, Kind::Receive, ptr::null_mut());
        // SAFETY: it stays in this frame, and the event is borrowed.
        unsafe { self.waiters.push(&node) };
        me.wait_for_node(&What::named(Waiting::Event, self.name, node.address()), &node)
    }
}

impl Default for Event {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("name", &self.name).finish_non_exhaustive()
    }
}
