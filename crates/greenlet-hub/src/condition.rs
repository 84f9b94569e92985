//! A condition variable: waits for a change of what a mutex protects.

use crate::mutex::Guard;
use crate::node::{Kind, List, Node};
use crate::owner::Owner;
use crate::stop::Stop;
use crate::task::Task;
use crate::what::{Waiting, What};
use core::fmt;
use core::mem;
use core::ptr;

/// A condition variable: a task unlocks a [`Mutex`](crate::Mutex), waits for a change of its value, and locks it again.
///
/// For the tasks of one hub: the first that uses it, until its run is over. Between the unlock and the wait no other
/// task runs, so no notification is lost. A wait does not return without one.
///
/// ```
/// # use greenlet_hub::{Hub, Threads};
/// use greenlet_hub::{Condition, Mutex};
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<1> = Hub::new(&PLATFORM);
/// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
/// static LEVEL: Mutex<u32> = Mutex::new(0);
/// static RISEN: Condition = Condition::new();
/// # HUB.run(|main| {
/// main.spawn(&STACKS, |me| {
///     for _ in 0..5 {
///         *LEVEL.lock(me)? += 1;
///         RISEN.notify_one(me);
///         me.yield_now()?;
///     }
///     Ok(())
/// }).unwrap();
/// let mut level = LEVEL.lock(main).unwrap();
/// while *level < 3 {
///     level = RISEN.wait(main, level).unwrap();
/// }
/// # }).unwrap();
/// ```
pub struct Condition {
    owner: Owner,
    waiters: List,
    name: Option<&'static str>,
}

// SAFETY: every operation takes a task and makes its run the owner, or panics, so the fields are used by one core at a
// time.
unsafe impl Sync for Condition {}

impl Condition {
    /// Creates a condition variable.
    ///
    /// ```
    /// # use greenlet_hub::Condition;
    /// static RISEN: Condition = Condition::new();
    /// # let _ = &RISEN;
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { owner: Owner::new(), waiters: List::new(), name: None }
    }

    /// Names the condition variable, for reports.
    ///
    /// ```
    /// # use greenlet_hub::Condition;
    /// static RISEN: Condition = Condition::new().named("risen");
    /// assert!(format!("{RISEN:?}").contains("risen"));
    /// ```
    #[must_use]
    pub const fn named(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    fn enter<V: 'static, E: 'static>(&self, me: &Task<V, E>) {
        self.owner.check::<(), _, _>(me, || self.waiters.forget());
    }

    /// Unlocks the mutex, waits for a notification, and locks it again.
    ///
    /// # Errors
    ///
    /// A reason to stop; the mutex is unlocked in that case. If the task was notified before it was stopped, the
    /// notification goes to the next task.
    ///
    /// # Panics
    ///
    /// If another hub uses the condition variable.
    ///
    /// ```
    /// # use core::time::Duration;
    /// # use greenlet_hub::{Condition, Hub, Mutex, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// static LEVEL: Mutex<u32> = Mutex::new(0);
    /// static RISEN: Condition = Condition::new();
    /// # HUB.run(|main| {
    /// let level = LEVEL.lock(main).unwrap();
    /// let risen = main.with_timeout(Duration::from_millis(1), || RISEN.wait(main, level).map(|level| *level));
    /// assert_eq!(risen, Ok(None));
    /// # }).unwrap();
    /// ```
    pub fn wait<'a, T, V: Default + 'static, E: 'static>(
        &self,
        me: &'a Task<V, E>,
        guard: Guard<'a, T>,
    ) -> Result<Guard<'a, T>, Stop<E>> {
        self.enter(me);
        me.check()?;
        let mutex = guard.mutex();
        // Unlocked before the node is linked, because the unlock touches the stack. No task runs in between, so no
        // notification is lost.
        drop(guard);
        let node = Node::new(me.slot, Kind::Receive, ptr::null_mut());
        // SAFETY: it stays in this frame, and the condition is borrowed.
        unsafe { self.waiters.push(&node) };
        let notified = node.unless_forgotten(|| self.notify());
        me.wait_for_node(&What::named(Waiting::Condition, self.name, node.address()), &node)?;
        let guard = mutex.lock(me)?;
        mem::forget(notified);
        Ok(guard)
    }

    /// Notifies the task that has waited longest.
    ///
    /// # Panics
    ///
    /// If another hub uses the condition variable.
    ///
    /// ```
    /// # use greenlet_hub::{Condition, Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// static RISEN: Condition = Condition::new();
    /// # HUB.run(|main| {
    /// RISEN.notify_one(main); // no task waits: nothing happens
    /// # }).unwrap();
    /// ```
    pub fn notify_one<V: 'static, E: 'static>(&self, me: &Task<V, E>) {
        self.enter(me);
        self.notify();
    }

    fn notify(&self) {
        if let Some(node) = self.waiters.pop(Kind::Receive) {
            node.complete();
        }
    }

    /// Notifies all tasks that wait.
    ///
    /// # Panics
    ///
    /// If another hub uses the condition variable.
    ///
    /// ```
    /// # use greenlet_hub::{Condition, Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// static RISEN: Condition = Condition::new();
    /// # HUB.run(|main| {
    /// RISEN.notify_all(main);
    /// # }).unwrap();
    /// ```
    pub fn notify_all<V: 'static, E: 'static>(&self, me: &Task<V, E>) {
        self.enter(me);
        while let Some(node) = self.waiters.pop(Kind::Receive) {
            node.complete();
        }
    }
}

impl Default for Condition {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condition").field("name", &self.name).finish_non_exhaustive()
    }
}
