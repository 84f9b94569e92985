//! The hub: a tree of greenlets, the slots of its tasks, and their schedule.

use crate::mutex::Held;
use crate::panics::Panics;
use crate::platform::Platform;
use crate::schedule::Schedule;
use crate::slot::{Base, KILLED, Life, SHIELDED, Slot, SlotRef};
use crate::task::MainTask;
use crate::what::{Waiting, What};
use core::cell::Cell;
use core::fmt;
use core::mem::{self, ManuallyDrop};
use core::ptr;
use core::sync::atomic::Ordering::Release;
use greenlet::{EnterError, Greenlet, Refused, Tree};

/// The part of a hub that does not depend on the number of its tasks. The schedule is its first field: see
/// [`Task::state`](crate::Task).
#[repr(C)]
pub(crate) struct State<V: 'static, E: 'static> {
    pub(crate) schedule: Schedule,
    pub(crate) main: Slot<V, E>,
    pub(crate) slots: Cell<&'static [Slot<V, E>]>,
    /// The list of free slots, through `next`.
    pub(crate) free: Cell<Option<SlotRef>>,
    /// Main, the parent of every task. Valid while main's closure runs.
    parent: Cell<*const Greenlet<V, E>>,
}

// SAFETY: the inbox and the number of the run are atomics. The rest is used by the core that runs the hub, inside its
// `enter` or right after it, until the number of the run is 0: through a `Task` of this run, which is `!Send`, or a
// `JoinHandle`, which compares the generation first. So values of `V` and `E` do not leave the core.
unsafe impl<V, E> Sync for State<V, E> {}

/// A hub: runs up to `TASKS` tasks on the core that calls [`run`](Self::run). A static.
///
/// A program with several cores has a hub for each. Tasks do not move between them; a
/// [`Signal`](crate::Signal) reaches from one to another. `V` and `E` are the types of the hub's tree, see
/// [`Task`](crate::Task).
///
/// ```
/// use greenlet::StackPool;
/// use greenlet_hub::{Hub, Threads};
/// static PLATFORM: Threads = Threads::new();
/// static HUB: Hub<8> = Hub::new(&PLATFORM);
/// static STACKS: StackPool<8, 65536> = StackPool::new();
/// let answer = HUB.run(|main| {
///     let six = main.spawn(&STACKS, |me| { me.yield_now()?; Ok(6) }).unwrap();
///     6 * six.join(main).unwrap().unwrap() + 6
/// });
/// assert_eq!(answer.unwrap(), 42);
/// ```
pub struct Hub<const TASKS: usize, V: 'static = (), E: 'static = &'static str> {
    pub(crate) tree: Tree<V, E>,
    pub(crate) state: State<V, E>,
    slots: [Slot<V, E>; TASKS],
}

impl<const TASKS: usize, V: Default + 'static, E: 'static> Hub<TASKS, V, E> {
    /// Creates a hub for the core with this platform.
    ///
    /// ```
    /// use greenlet_hub::{Hub, Threads};
    /// static PLATFORM: Threads = Threads::new();
    /// static HUB: Hub<8> = Hub::new(&PLATFORM);
    /// # HUB.run(|_main| ()).unwrap();
    /// ```
    #[must_use]
    pub const fn new(platform: &'static dyn Platform) -> Self {
        Self { tree: Tree::new(), state: State::new(platform), slots: [const { Slot::new() }; TASKS] }
    }

    /// Runs `main`, and the tasks while it waits. When it returns, the remaining tasks are killed, and this returns
    /// when they have ended.
    ///
    /// A task that ignores its kill, and waits in a [`shield`](crate::Task::shield), delays that. It can join other
    /// tasks there. If it waits there for something that can never happen, it is leaked: its stack stays in use.
    ///
    /// # Panics
    ///
    /// With the feature `std`: resumes the panic of a task that ends with the run; of several, the last one.
    ///
    /// # Errors
    ///
    /// [`RunError`], with `main`.
    ///
    /// ```
    /// # use core::time::Duration;
    /// # use greenlet_hub::{Hub, RunError, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
    /// let ran = HUB.run(|main| {
    ///     assert!(HUB.run(|_main| ()).is_err()); // it runs already
    ///     let _worker = main.spawn(&STACKS, |me| me.sleep(Duration::from_secs(3600))).unwrap();
    ///     // it is killed at the end
    /// });
    /// ran.unwrap();
    /// assert_eq!(STACKS.free(), 1);
    /// ```
    pub fn run<R, F>(&'static self, main: F) -> Result<R, Refused<RunError, F>>
    where
        F: FnOnce(&MainTask<V, E>) -> R,
    {
        self.state.run(&self.tree, &self.slots, main)
    }
}

impl<V: Default + 'static, E: 'static> State<V, E> {
    /// What [`Hub::run`] does, with these slots, which stay those of this hub.
    pub(crate) fn run<R, F>(
        &'static self,
        tree: &'static Tree<V, E>,
        slots: &'static [Slot<V, E>],
        main: F,
    ) -> Result<R, Refused<RunError, F>>
    where
        F: FnOnce(&MainTask<V, E>) -> R,
    {
        #[cfg(target_os = "none")]
        if crate::idle::is_masked() {
            return Err(Refused { reason: RunError::Masked, returned: main });
        }
        let mut body = Some(main);
        let over = Over { state: self, begun: Cell::new(false) };
        let ran = tree.enter(|main| {
            if !self.schedule.claim() {
                return None;
            }
            over.begun.set(true);
            let slot = self.begin(slots, main);
            // SAFETY: the slot is main's, and both live until this closure returns.
            let task = unsafe { MainTask::new(main, slot) };
            let end = End { task: &task, _clear: Clear(self) };
            let result = body.take().map(|body| body(&task));
            drop(end);
            result
        });
        match (ran.map_err(|refused| refused.reason), body) {
            (Ok(Some(result)), _) => Ok(result),
            (Err(reason), Some(main)) => Err(Refused { reason: RunError::Enter(reason), returned: main }),
            // The tree of the previous run has ended, but its core still drops what that run left.
            (Ok(None), Some(main)) => Err(Refused { reason: RunError::Enter(EnterError::OtherCore), returned: main }),
            (_, None) => unreachable!("`enter` returns what its closure does, or refuses and calls it never"),
        }
    }

    /// Makes all slots free, and prepares main's slot for this run.
    fn begin(&'static self, slots: &'static [Slot<V, E>], main: &greenlet::Main<V, E>) -> SlotRef {
        let hub = ptr::from_ref(self).cast::<Schedule>();
        self.slots.set(slots);
        let mut free = None;
        for slot in slots.iter().rev() {
            slot.begin(Life::Free, 0);
            let slot = slot.bind(hub);
            slot.base().next.set(free);
            free = Some(slot);
        }
        self.free.set(free);
        self.main.begin(Life::Detached, 0);
        self.main.set_greenlet(Some(main.downgrade()), None);
        self.parent.set(&raw const **main);
        let slot = self.main.bind(hub);
        slot.base().next.set(None);
        slot.next_generation();
        self.schedule.begin(slot);
        slot
    }
}

impl<V: 'static, E: 'static> State<V, E> {
    pub(crate) const fn new(platform: &'static dyn Platform) -> Self {
        Self {
            schedule: Schedule::new(platform),
            main: Slot::new(),
            slots: Cell::new(&[]),
            free: Cell::new(None),
            parent: Cell::new(ptr::null()),
        }
    }

    /// Returns a handle to main that is not counted; `None` if main's closure has returned. It is good for one step: that
    /// of the kernel which creates a child.
    #[inline]
    pub(crate) fn parent(&self) -> Option<ManuallyDrop<Greenlet<V, E>>> {
        if self.main.base().life.get() != Life::Detached {
            return None;
        }
        // SAFETY: `begin` set it to the greenlet that main's closure borrows, and `End` sets `life` before the closure
        // has returned. The handle is copied, so that the step does not refer to the closure's frame; main exists
        // until its tree ends, and no greenlet is resumed after that.
        Some(ManuallyDrop::new(unsafe { self.parent.get().read() }))
    }

    pub(crate) fn main_slot(&self) -> SlotRef {
        self.main.bound()
    }

    /// Releases the stack and the slot of a task that has ended.
    #[inline]
    pub(crate) fn reap(&self) {
        if let Some(slot) = self.schedule.dead.take() {
            self.release(slot);
        }
    }

    #[cold]
    fn release(&self, slot: SlotRef) {
        // SAFETY: all slots of this hub are of `V` and `E`.
        drop(unsafe { slot.whole::<V, E>() }.take_greenlet());
        self.vacate(slot);
    }

    /// Makes a slot free. It is in no queue.
    pub(crate) fn vacate(&self, slot: SlotRef) {
        slot.base().life.set(Life::Free);
        slot.base().next.set(self.free.get());
        self.free.set(Some(slot));
    }

    /// # Safety
    ///
    /// The slot is of a hub of `V` and `E`.
    pub(crate) unsafe fn of(slot: SlotRef) -> &'static Self {
        // SAFETY: the contract; the hub's pointer is that of the whole state, which begins with the schedule.
        unsafe { &*slot.hub().cast() }
    }

    /// Returns the slots of all tasks, main's included.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Slot<V, E>> {
        self.slots.get().iter().chain([&self.main])
    }
}

/// Wakes the tasks that wait for a lock whose holder has ended without dropping its guard. `slot`: any of the hub.
#[cold]
pub(crate) fn wake_orphans<V: 'static, E: 'static>(slot: SlotRef) {
    // SAFETY: the hub that set this function is of `V` and `E`.
    let state = unsafe { State::<V, E>::of(slot) };
    state.schedule.lock_waits.set(None);
    for slot in state.all().map(Slot::bound) {
        let Some(held) = Held::waited_for(slot) else { continue };
        state.schedule.lock_waits.set(Some(wake_orphans::<V, E>));
        if held.is_orphaned() {
            state.schedule.ready.append(slot);
        }
    }
}

/// Sets the level of a task that has unlocked a mutex: to the highest of its own level and those of the tasks that wait
/// for other mutexes of it.
pub(crate) fn relend<V: 'static, E: 'static>(slot: SlotRef) {
    // SAFETY: the hub that set this function is of `V` and `E`.
    let state = unsafe { State::<V, E>::of(slot) };
    let lent =
        state.all().map(Slot::bound).filter(|&waiter| waiter != slot).map(|waiter| Held::lent_by(waiter, slot)).max();
    state.schedule.ready.set_level(slot, lent.unwrap_or(0).max(slot.base().own_level.get()));
}

/// Ends the tasks that are left, when main's closure returns or unwinds.
struct End<'a, V: Default + 'static, E: 'static> {
    task: &'a MainTask<V, E>,
    _clear: Clear<'a, V, E>,
}

impl<V: Default + 'static, E: 'static> Drop for End<'_, V, E> {
    fn drop(&mut self) {
        let state = self.task.state();
        state.main.base().life.set(Life::Over); // no task begins any more
        for slot in state.slots.get().iter().filter(|slot| slot.base().is_busy()) {
            slot.bound().alert(KILLED);
            state.schedule.ready.append(slot.bound());
        }
        let mut panics = Panics::new();
        // Results are kept meanwhile: a task in a `shield` may join another one.
        if self.wait_while_any(Base::is_busy, &mut panics) {
            for slot in state.slots.get().iter().filter(|slot| slot.base().life.get() == Life::Over) {
                slot.base().life.set(Life::Detached);
                state.schedule.ready.append(slot.bound());
            }
            self.wait_while_any(Base::is_alive, &mut panics);
        }
        panics.resume();
    }
}

impl<V: Default + 'static, E: 'static> End<'_, V, E> {
    /// Waits until no slot satisfies `such`. Returns `false` if the remaining tasks cannot end.
    fn wait_while_any(&self, such: fn(&Base) -> bool, panics: &mut Panics) -> bool {
        let base = self.task.slot.base();
        let what = What::new(Waiting::Children);
        let left = || self.task.state().slots.get().iter().filter(|slot| such(slot.base())).count();
        loop {
            let before = left();
            if before == 0 {
                return true;
            }
            base.alerts.set(SHIELDED);
            base.expired.set(0);
            base.shield.set(0);
            self.task.slot.schedule().ready.remove(self.task.slot);
            match panics.catch(|| self.task.wait_until(&what, || left() == 0)) {
                Some(Ok(())) => {}
                // A task has ended with a panic.
                None if left() < before => {}
                _ => return false,
            }
        }
    }
}

/// Ends the run: no task is resumed by the hub any more.
struct Clear<'a, V: 'static, E: 'static>(&'a State<V, E>);

impl<V: 'static, E: 'static> Drop for Clear<'_, V, E> {
    fn drop(&mut self) {
        let state = self.0;
        state.schedule.end();
        let mut panics = Panics::new();
        for slot in state.slots.get() {
            // The kernel throws an exit into a task that has not ended. If it refuses, it is leaked.
            panics.catch(|| drop(slot.take_greenlet()));
            if !matches!(slot.base().life.get(), Life::Free | Life::Dead) {
                slot.bound().next_generation();
                slot.base().life.set(Life::Free);
            }
        }
        panics.catch(|| state.reap());
        state.main.bound().next_generation();
        state.main.base().life.set(Life::Free);
        panics.resume();
    }
}

/// Drops the errors that were thrown and not delivered, on the core of the run. Then ends the ownership of the run:
/// another one may use the slots, and the channels, mutexes and other objects.
///
/// Dropped when the tree has ended: until then the kernel may resume a task that refuses to end.
struct Over<'a, V: 'static, E: 'static> {
    state: &'a State<V, E>,
    begun: Cell<bool>,
}

impl<V: 'static, E: 'static> Drop for Over<'_, V, E> {
    fn drop(&mut self) {
        if !self.begun.get() {
            return;
        }
        /// What is left when a destructor panics is leaked.
        struct GiveUp<'a, V: 'static, E: 'static>(&'a State<V, E>);
        impl<V: 'static, E: 'static> Drop for GiveUp<'_, V, E> {
            fn drop(&mut self) {
                self.0.all().for_each(|slot| mem::forget(slot.thrown.take()));
                // Not earlier: when the kernel ends a task that cannot end by itself, that passes control on to main.
                self.0.main.set_greenlet(None, None);
                // The next owner sees what tasks of this run wrote.
                self.0.schedule.run.store(0, Release);
            }
        }
        let give_up = GiveUp(self.state);
        give_up.0.all().for_each(|slot| drop(slot.thrown.take()));
    }
}

/// Why [`Hub::run`] was refused.
///
/// ```
/// # use greenlet_hub::{Hub, RunError, Threads};
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<1> = Hub::new(&PLATFORM);
/// HUB.run(|_main| {
///     let refused = HUB.run(|_main| ()).unwrap_err();
///     assert_eq!(refused.reason, RunError::Enter(greenlet::EnterError::CoreBusy));
/// }).unwrap();
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunError {
    /// The tree of the hub could not be entered.
    Enter(EnterError),
    /// Interrupts are masked, so no handler would ever wake a task.
    Masked,
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Enter(reason) => reason.fmt(f),
            Self::Masked => {
                f.write_str("interrupts are masked, so no handler could wake a task; unmask them before `run`")
            }
        }
    }
}

impl core::error::Error for RunError {}
