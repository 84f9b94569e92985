//! A number of permits for which tasks wait.

use crate::node::{Kind, List, Node};
use crate::owner::Owner;
use crate::room;
use crate::stop::Stop;
use crate::task::Task;
use crate::what::{Waiting, What};
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::mem;
use core::ptr;

/// A number of permits. A task that takes one waits while there is none.
///
/// For the tasks of one hub: the first that uses it, until its run is over. Permits go to tasks in the order in which
/// they came. Permits that a task held when it was leaked are lost.
///
/// ```
/// # use greenlet_hub::{Hub, Threads};
/// use greenlet_hub::Semaphore;
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<1> = Hub::new(&PLATFORM);
/// static BUFFERS: Semaphore = Semaphore::new(2);
/// # HUB.run(|main| {
/// let first = BUFFERS.acquire(main).unwrap();
/// let second = BUFFERS.acquire(main).unwrap();
/// assert!(BUFFERS.try_acquire(main).is_none());
/// drop(first); // gives it back
/// assert!(BUFFERS.try_acquire(main).is_some());
/// # drop(second);
/// # }).unwrap();
/// ```
pub struct Semaphore {
    owner: Owner,
    waiters: List,
    name: Option<&'static str>,
    permits: Cell<usize>,
}

// SAFETY: every operation takes a task and makes its run the owner, or panics, so the fields are used by one core at a
// time.
unsafe impl Sync for Semaphore {}

impl Semaphore {
    /// Creates a semaphore with this number of permits.
    ///
    /// ```
    /// # use greenlet_hub::Semaphore;
    /// static BUFFERS: Semaphore = Semaphore::new(2);
    /// # let _ = &BUFFERS;
    /// ```
    #[must_use]
    pub const fn new(permits: usize) -> Self {
        Self { owner: Owner::new(), waiters: List::new(), name: None, permits: Cell::new(permits) }
    }

    /// Names the semaphore, for reports.
    ///
    /// ```
    /// # use greenlet_hub::Semaphore;
    /// static BUFFERS: Semaphore = Semaphore::new(2).named("buffers");
    /// assert!(format!("{BUFFERS:?}").contains("buffers"));
    /// ```
    #[must_use]
    pub const fn named(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    fn enter<V: 'static, E: 'static>(&self, me: &Task<V, E>) {
        self.owner.check::<(), _, _>(me, || self.waiters.forget());
    }

    /// Waits for a permit, and returns it. Its drop gives it back.
    ///
    /// # Errors
    ///
    /// A reason to stop.
    ///
    /// # Panics
    ///
    /// If another hub uses the semaphore.
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Semaphore, Stop, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// static NONE: Semaphore = Semaphore::new(0);
    /// # HUB.run(|main| {
    /// assert_eq!(NONE.acquire(main).map(drop), Err(Stop::Deadlock));
    /// # }).unwrap();
    /// ```
    pub fn acquire<'a, V: Default + 'static, E: 'static>(&'a self, me: &'a Task<V, E>) -> Result<Permit<'a>, Stop<E>> {
        self.enter(me);
        me.check()?;
        if let Some(permit) = self.take() {
            return Ok(permit);
        }
        let node = Node::new(me.slot, Kind::Receive, ptr::null_mut());
        // SAFETY: it stays in this frame, and the semaphore is borrowed.
        unsafe { self.waiters.push(&node) };
        let handed = node.unless_forgotten(|| self.give());
        me.wait_for_node(&What::named(Waiting::Permit, self.name, node.address()), &node)?;
        mem::forget(handed);
        Ok(Permit { semaphore: self, here: PhantomData })
    }

    /// Takes a permit if there is one. Does not wait.
    ///
    /// # Panics
    ///
    /// If another hub uses the semaphore.
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Semaphore, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// static ONE: Semaphore = Semaphore::new(1);
    /// # HUB.run(|main| {
    /// assert!(ONE.try_acquire(main).is_some());
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn try_acquire<'a, V: 'static, E: 'static>(&'a self, me: &'a Task<V, E>) -> Option<Permit<'a>> {
        self.enter(me);
        self.take()
    }

    fn take(&self) -> Option<Permit<'_>> {
        self.permits.set(self.permits.get().checked_sub(1)?);
        Some(Permit { semaphore: self, here: PhantomData })
    }

    /// Adds a permit, which goes to the task that has waited longest. Together with [`Permit::keep`] this allows that
    /// one task takes permits and another one gives them back.
    ///
    /// # Panics
    ///
    /// If another hub uses the semaphore.
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Semaphore, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// static ITEMS: Semaphore = Semaphore::new(0);
    /// # HUB.run(|main| {
    /// ITEMS.add(main);
    /// ITEMS.acquire(main).unwrap().keep();
    /// assert!(ITEMS.try_acquire(main).is_none());
    /// # }).unwrap();
    /// ```
    pub fn add<V: 'static, E: 'static>(&self, me: &Task<V, E>) {
        self.enter(me);
        self.give();
    }

    fn give(&self) {
        match self.waiters.pop(Kind::Receive) {
            Some(node) => node.complete(),
            None => self.permits.set(self.permits.get().saturating_add(1)),
        }
    }
}

/// A permit of a [`Semaphore`]. Its drop gives it back.
///
/// ```
/// # use greenlet_hub::{Hub, Permit, Semaphore, Threads};
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<1> = Hub::new(&PLATFORM);
/// static ONE: Semaphore = Semaphore::new(1);
/// # HUB.run(|main| {
/// let permit: Permit<'_> = ONE.acquire(main).unwrap();
/// drop(permit);
/// # }).unwrap();
/// ```
#[derive(Debug)]
#[must_use = "the permit is given back when this is dropped"]
pub struct Permit<'a> {
    semaphore: &'a Semaphore,
    here: PhantomData<*mut ()>,
}

impl Permit<'_> {
    /// Consumes the permit: the semaphore has one permit less from now on, until [`Semaphore::add`].
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Semaphore, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// static ONE: Semaphore = Semaphore::new(1);
    /// # HUB.run(|main| {
    /// ONE.acquire(main).unwrap().keep();
    /// assert!(ONE.try_acquire(main).is_none());
    /// # }).unwrap();
    /// ```
    pub fn keep(self) {
        mem::forget(self);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        room::probe();
        self.semaphore.give();
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore").field("name", &self.name).finish_non_exhaustive()
    }
}
