//! A lock that is handed from its holder to the task that has waited longest.

use crate::hub::{relend, wake_orphans};
use crate::node::{Kind, List, Node};
use crate::owner::Owner;
use crate::room;
use crate::slot::{Life, SlotRef};
use crate::stop::{Refusal, Stop};
use crate::task::Task;
use crate::what::{Waiting, What};
use core::cell::{Cell, UnsafeCell};
use core::fmt;
use core::marker::PhantomData;
use core::mem;
use core::ops::{Deref, DerefMut};
use core::ptr;

/// The part of a mutex that does not depend on its value: the report and the search for cycles read it.
pub(crate) struct Held {
    holder: Cell<Option<Holder>>,
    pub(crate) waiters: List,
}

/// The task that holds a mutex. Its slot may have another task by now, if the guard was never dropped.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Holder {
    slot: SlotRef,
    generation: u64,
}

impl Holder {
    #[inline(always)]
    fn of(slot: SlotRef) -> Self {
        Self { slot, generation: slot.generation() }
    }

    /// Returns `true` if no code of the task runs any more.
    fn is_gone(self) -> bool {
        self.slot.generation() != self.generation || matches!(self.slot.base().life.get(), Life::Over | Life::Failed)
    }
}

/// A lock for the tasks of one hub, which may wait while they hold it.
///
/// Tasks get it in the order in which they came. A task that unlocks it hands it to the next one, so no other task can
/// take it in between. While a task of a higher level waits for it, its holder has that level, too. A `lock` that would
/// close a cycle of locks is refused with [`Refusal::LockCycle`].
///
/// A task may end without dropping its guard: by `mem::forget`, or because it was given up after a panic or an
/// overflow. Then each `lock` is refused with [`Refusal::HolderGone`], which names the mutex, until a task
/// [recovers](Self::recover) it.
///
/// ```
/// # use greenlet_hub::{Hub, Threads};
/// use greenlet_hub::Mutex;
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<2> = Hub::new(&PLATFORM);
/// # static STACKS: greenlet::StackPool<2, 65536> = greenlet::StackPool::new();
/// static TOTAL: Mutex<u32> = Mutex::new(0);
/// # HUB.run(|main| {
/// let tasks = [1, 2].map(|n| main.spawn(&STACKS, move |me| {
///     let mut total = TOTAL.lock(me)?;
///     let before = *total;
///     me.yield_now()?; // the other one waits for the lock
///     *total = before + n;
///     Ok(())
/// }).unwrap());
/// for task in tasks { task.join(main).unwrap().unwrap(); }
/// assert_eq!(*TOTAL.lock(main).unwrap(), 3);
/// # }).unwrap();
/// ```
pub struct Mutex<T> {
    owner: Owner,
    held: Held,
    name: Option<&'static str>,
    value: UnsafeCell<T>,
}

// SAFETY: every operation takes a task and makes its run the owner, or panics, so the fields are used by one core at a
// time. The value may be used by the next run, on another core.
unsafe impl<T: Send> Sync for Mutex<T> {}

impl<T> Mutex<T> {
    /// Creates a mutex.
    ///
    /// ```
    /// # use greenlet_hub::Mutex;
    /// static TOTAL: Mutex<u32> = Mutex::new(0);
    /// # let _ = &TOTAL;
    /// ```
    #[must_use]
    pub const fn new(value: T) -> Self {
        Self {
            owner: Owner::new(),
            held: Held { holder: Cell::new(None), waiters: List::new() },
            name: None,
            value: UnsafeCell::new(value),
        }
    }

    /// Names the mutex, for reports.
    ///
    /// ```
    /// # use greenlet_hub::Mutex;
    /// static TOTAL: Mutex<u32> = Mutex::new(0).named("total");
    /// assert!(format!("{TOTAL:?}").contains("total"));
    /// ```
    #[must_use]
    pub const fn named(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    #[inline(always)]
    fn enter<V: 'static, E: 'static>(&self, me: &Task<V, E>) {
        self.owner.check::<(), _, _>(me, || {
            self.held.waiters.forget();
            self.held.holder.set(None);
        });
    }

    /// Waits until no other task holds the lock, and holds it until the guard is dropped.
    ///
    /// # Errors
    ///
    /// A reason to stop; [`Refusal::LockCycle`] if the holder waits for this task, or is this task;
    /// [`Refusal::HolderGone`] if the holder has ended.
    ///
    /// # Panics
    ///
    /// If another hub uses the mutex.
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Mutex, Refusal, Stop, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// static TOTAL: Mutex<u32> = Mutex::new(0).named("total");
    /// # HUB.run(|main| {
    /// let guard = TOTAL.lock(main).unwrap();
    /// let again = TOTAL.lock(main).map(|total| *total);
    /// assert_eq!(again, Err(Stop::Refused(Refusal::LockCycle { name: Some("total") })));
    /// # drop(guard);
    /// # }).unwrap();
    /// ```
    #[inline]
    pub fn lock<'a, V: Default + 'static, E: 'static>(&'a self, me: &'a Task<V, E>) -> Result<Guard<'a, T>, Stop<E>> {
        self.enter(me);
        me.check()?;
        if self.held.holder.get().is_none() {
            self.held.holder.set(Some(Holder::of(me.slot)));
        } else {
            self.wait(me)?;
        }
        Ok(Guard { mutex: self, here: PhantomData })
    }

    #[cold]
    fn wait<V: Default + 'static, E: 'static>(&self, me: &Task<V, E>) -> Result<(), Stop<E>> {
        if self.held.is_orphaned() {
            return Err(Stop::Refused(Refusal::HolderGone { name: self.name }));
        }
        if self.held.leads_to(me.slot) {
            return Err(Stop::Refused(Refusal::LockCycle { name: self.name }));
        }
        let node = Node::new(me.slot, Kind::Receive, ptr::null_mut());
        // SAFETY: it stays in this frame, and the mutex is borrowed.
        unsafe { self.held.waiters.push(&node) };
        me.slot.schedule().relend.set(relend::<V, E>);
        me.slot.schedule().lock_waits.set(Some(wake_orphans::<V, E>));
        self.held.lend(me.slot.base().level.get());
        let what = What::named(Waiting::Lock, self.name, ptr::from_ref(&self.held).cast());
        let handed = node.unless_forgotten(|| self.held.unlock());
        me.wait_until(&what, || node.done.get() || self.held.is_orphaned())?;
        mem::forget(handed);
        if node.done.get() { Ok(()) } else { Err(Stop::Refused(Refusal::HolderGone { name: self.name })) }
    }

    /// Locks the mutex if no task holds it. Does not wait.
    ///
    /// The holder is the task of `me`, also in a task of its scope that has captured that `&Task`.
    ///
    /// # Panics
    ///
    /// If another hub uses the mutex.
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Mutex, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// static TOTAL: Mutex<u32> = Mutex::new(0);
    /// # HUB.run(|main| {
    /// let guard = TOTAL.try_lock(main);
    /// assert!(guard.is_some() && TOTAL.try_lock(main).is_none());
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn try_lock<'a, V: 'static, E: 'static>(&'a self, me: &'a Task<V, E>) -> Option<Guard<'a, T>> {
        self.enter(me);
        if self.held.holder.get().is_some() {
            return None;
        }
        self.held.holder.set(Some(Holder::of(me.slot)));
        Some(Guard { mutex: self, here: PhantomData })
    }

    /// Locks the mutex if the task that holds it has ended without dropping its guard. The value may be in the middle
    /// of a change. Does not wait.
    ///
    /// The holder is the task of `me`, also in a task of its scope that has captured that `&Task`.
    ///
    /// # Panics
    ///
    /// If another hub uses the mutex.
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Mutex, Refusal, Stop, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
    /// static TOTAL: Mutex<u32> = Mutex::new(0).named("total");
    /// # HUB.run(|main| {
    /// let task = main.spawn(&STACKS, |me| Ok(std::mem::forget(TOTAL.lock(me)?))).unwrap();
    /// task.join(main).unwrap().unwrap();
    /// let refused = TOTAL.lock(main).map(drop);
    /// assert_eq!(refused, Err(Stop::Refused(Refusal::HolderGone { name: Some("total") })));
    /// *TOTAL.recover(main).unwrap() = 0;
    /// assert!(TOTAL.lock(main).is_ok());
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn recover<'a, V: 'static, E: 'static>(&'a self, me: &'a Task<V, E>) -> Option<Guard<'a, T>> {
        self.enter(me);
        if !self.held.is_orphaned() {
            return None;
        }
        self.held.holder.set(Some(Holder::of(me.slot)));
        Some(Guard { mutex: self, here: PhantomData })
    }
}

impl Held {
    /// Returns `true` if the task that holds it has ended. Nothing of it uses the value any more: a guard does not
    /// outlive the body, and tasks of its scopes have ended before it.
    pub(crate) fn is_orphaned(&self) -> bool {
        self.holder.get().is_some_and(Holder::is_gone)
    }

    /// Returns the slot of the task that holds it, unless that has ended.
    pub(crate) fn holder(&self) -> Option<SlotRef> {
        self.holder.get().filter(|holder| !holder.is_gone()).map(|holder| holder.slot)
    }

    /// Follows the holder to the lock that it waits for, and so on. Returns `true` if that leads to `slot`.
    fn leads_to(&self, slot: SlotRef) -> bool {
        let mut held = self;
        // There is no cycle without this task: it was refused to the task that would have closed it.
        while let Some(holder) = held.holder() {
            if holder == slot {
                return true;
            }
            let Some(next) = Self::waited_for(holder) else { return false };
            held = next;
        }
        false
    }

    /// Returns the lock that a task waits for.
    pub(crate) fn waited_for<'a>(slot: SlotRef) -> Option<&'a Self> {
        // SAFETY: null, or in a frame that waits, which borrows the lock.
        let what = unsafe { slot.base().what.get().as_ref() }?;
        // SAFETY: of a lock, the object is its `Held`.
        (what.kind == Waiting::Lock).then(|| unsafe { &*what.object.cast::<Self>() })
    }

    /// Lends a level to the holder, to the holder of the lock that it waits for, and so on.
    fn lend(&self, level: u8) {
        let mut held = self;
        while let Some(holder) = held.holder().filter(|holder| holder.base().level.get() < level) {
            holder.schedule().ready.set_level(holder, level);
            let Some(next) = Self::waited_for(holder) else { return };
            held = next;
        }
    }

    /// Hands the lock to the task that has waited longest.
    fn unlock(&self) {
        let before = self.holder.get().map(|holder| holder.slot);
        match self.waiters.pop(Kind::Receive) {
            Some(node) => {
                self.holder.set(Some(Holder::of(node.slot)));
                self.inherit(node.slot);
                node.complete();
            }
            None => self.holder.set(None),
        }
        if let Some(before) = before.filter(|slot| slot.base().level.get() != slot.base().own_level.get()) {
            (before.schedule().relend.get())(before);
        }
    }

    /// Lends the levels of the tasks that still wait to the new holder.
    fn inherit(&self, slot: SlotRef) {
        let highest = self.waiters.highest_level();
        if highest > slot.base().level.get() {
            slot.schedule().ready.set_level(slot, highest);
        }
    }

    /// Returns the level of `waiter` if it waits for a lock of this holder; else 0.
    pub(crate) fn lent_by(waiter: SlotRef, holder: SlotRef) -> u8 {
        match Self::waited_for(waiter) {
            Some(held) if held.holder() == Some(holder) => waiter.base().level.get(),
            _ => 0,
        }
    }
}

/// The right to use the value of a [`Mutex`]. Dropped, it hands the lock on.
///
/// It does not outlive the borrow of the task that locked, so it does not leave the run of that task.
///
/// ```
/// # use greenlet_hub::{Guard, Hub, Mutex, Threads};
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<1> = Hub::new(&PLATFORM);
/// static TOTAL: Mutex<u32> = Mutex::new(0);
/// # HUB.run(|main| {
/// let mut total: Guard<'_, u32> = TOTAL.lock(main).unwrap();
/// *total += 1;
/// assert_eq!(*total, 1);
/// # }).unwrap();
/// ```
#[must_use = "the lock is handed on when this is dropped"]
pub struct Guard<'a, T> {
    mutex: &'a Mutex<T>,
    here: PhantomData<*mut ()>,
}

impl<'a, T> Guard<'a, T> {
    pub(crate) fn mutex(&self) -> &'a Mutex<T> {
        self.mutex
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: there is one guard at a time.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: there is one guard at a time.
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        room::probe();
        self.mutex.held.unlock();
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<T: fmt::Debug> fmt::Debug for Guard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
