//! The hub: a tree of greenlets, the slots of its tasks, and their schedule.

use crate::mutex::Held;
use crate::platform::Platform;
use crate::schedule::Schedule;
use crate::slot::{KILLED, Life, SHIELDED, Slot, SlotRef};
use crate::task::MainTask;
use crate::what::{Waiting, What};
use core::cell::Cell;
use core::fmt;
use core::mem;
use core::ptr;
use core::sync::atomic::Ordering::{Relaxed, Release};
use greenlet::{EnterError, Refused, Tree};

/// The part of a hub that does not depend on the number of its tasks. The schedule is its first field: see
/// [`Task::state`](crate::Task).
#[repr(C)]
pub(crate) struct State<V: 'static, E: 'static> {
    pub(crate) schedule: Schedule,
    pub(crate) main: Slot<V, E>,
    pub(crate) slots: Cell<&'static [Slot<V, E>]>,
    /// The list of free slots, through `next`.
    pub(crate) free: Cell<Option<SlotRef>>,
}

// SAFETY: the inbox and the number of the run are atomics. The rest is used by the core that runs the hub, inside its
// `enter`: through a `Task` of this run, which is `!Send`, or a `JoinHandle`, which compares the generation first.
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
    tree: Tree<V, E>,
    state: State<V, E>,
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
        Self {
            tree: Tree::new(),
            state: State {
                schedule: Schedule::new(platform),
                main: Slot::new(),
                slots: Cell::new(&[]),
                free: Cell::new(None),
            },
            slots: [const { Slot::new() }; TASKS],
        }
    }

    /// Runs `main`, and the tasks while it waits. When it returns, the remaining tasks are killed, and this returns when
    /// they have ended.
    ///
    /// A task that swallows its kill and waits in a [`shield`](crate::Task::shield) delays that. One that waits there for
    /// what can never come is leaked: its stack stays in use.
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
        #[cfg(target_os = "none")]
        if crate::idle::is_masked() {
            return Err(Refused { reason: RunError::Masked, returned: main });
        }
        let mut body = Some(main);
        let over = Over { schedule: &self.state.schedule, run: Cell::new(0) };
        let ran = self.tree.enter(|main| {
            let slot = self.begin(main);
            over.run.set(self.state.schedule.run.load(Relaxed));
            // SAFETY: the slot is main's, and both live until this closure returns.
            let task = unsafe { MainTask::new(main, slot) };
            let end = End { task: &task, _clear: Clear(&self.state) };
            let result = body.take().map(|body| body(&task));
            drop(end);
            result
        });
        match (ran.map_err(|refused| refused.reason), body) {
            (Ok(Some(result)), _) => Ok(result),
            (Err(reason), Some(main)) => Err(Refused { reason: RunError::Enter(reason), returned: main }),
            _ => unreachable!("`enter` calls its closure once, or refuses and calls it never"),
        }
    }

    /// Makes all slots free, and main's that of this run.
    fn begin(&'static self, main: &greenlet::Main<V, E>) -> SlotRef {
        let state = &self.state;
        let hub = ptr::from_ref(state).cast::<Schedule>();
        // Tasks that have ended with the tree of the last run, after the hub, have left entries.
        state.schedule.end();
        state.schedule.dead.set(None);
        state.slots.set(&self.slots);
        let mut free = None;
        for slot in self.slots.iter().rev() {
            slot.begin(Life::Free, 0);
            let slot = slot.bind(hub);
            slot.base().next.set(free);
            free = Some(slot);
        }
        state.free.set(free);
        state.main.begin(Life::Detached, 0);
        state.main.set_greenlet(Some(main.downgrade()), None);
        let slot = state.main.bind(hub);
        slot.next_generation();
        state.schedule.relend.set(relend::<V, E>);
        state.schedule.begin(slot);
        slot
    }
}

impl<V: 'static, E: 'static> State<V, E> {
    pub(crate) fn main_slot(&self) -> SlotRef {
        self.main.bound()
    }

    /// Releases the stack and the slot of the task that has ended.
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
        slot.base().life.set(Life::Free);
        slot.base().next.set(self.free.get());
        self.free.set(Some(slot));
    }

    fn is_any_alive(&self) -> bool {
        self.slots.get().iter().any(|slot| slot.base().is_alive())
    }
}

/// Sets the level of a task that has unlocked a mutex: its own, or what waits for another mutex of it lends.
fn relend<V: 'static, E: 'static>(slot: SlotRef) {
    // SAFETY: the hub that set this function is of `V` and `E`.
    let state = unsafe { &*slot.hub().cast::<State<V, E>>() };
    let all = state.slots.get().iter().chain([&state.main]).map(Slot::bound);
    let lent = all.filter(|&waiter| waiter != slot).map(|waiter| Held::lent_by(waiter, slot)).max();
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
        for slot in state.slots.get() {
            if slot.base().is_alive() {
                slot.base().life.set(Life::Detached);
                slot.bound().alert(KILLED);
                state.schedule.ready.append(slot.bound());
            }
        }
        let base = self.task.slot.base();
        let what = What::new(Waiting::Children);
        while state.is_any_alive() {
            base.alerts.set(SHIELDED);
            base.expired.set(0);
            base.shield.set(0);
            self.task.slot.schedule().ready.remove(self.task.slot);
            let ended = self.task.wait_until(&what, || !state.is_any_alive());
            if ended.is_err() {
                break;
            }
        }
    }
}

/// Gives up what this run owns: channels, mutexes and the like may be used by another one.
///
/// Dropped when the tree has ended: until then the kernel may resume a task that refuses to end. By that time another core
/// may have begun a run of the same hub, whose number stays.
struct Over<'a> {
    schedule: &'a Schedule,
    run: Cell<u32>,
}

impl Drop for Over<'_> {
    fn drop(&mut self) {
        // Release: the next owner sees what tasks of this run wrote. If it fails, no task of this run is left either.
        let _kept = self.schedule.run.compare_exchange(self.run.get(), 0, Release, Relaxed);
    }
}

/// Ends the run: no task is resumed by the hub any more.
struct Clear<'a, V: 'static, E: 'static>(&'a State<V, E>);

impl<V: 'static, E: 'static> Drop for Clear<'_, V, E> {
    fn drop(&mut self) {
        let state = self.0;
        state.schedule.end();
        /// What is left when a destructor panics keeps its stack.
        struct Forget<'a, V: 'static, E: 'static>(&'a State<V, E>);
        impl<V: 'static, E: 'static> Drop for Forget<'_, V, E> {
            fn drop(&mut self) {
                for slot in self.0.slots.get() {
                    mem::forget(slot.take_greenlet());
                }
                self.0.main.set_greenlet(None, None);
            }
        }
        let _forget = Forget(state);
        for slot in state.slots.get() {
            let alive = slot.base().is_alive();
            // The kernel throws an exit into a task that has not ended. If it refuses, it is leaked.
            drop(slot.take_greenlet());
            if alive && slot.base().is_alive() {
                slot.bound().next_generation();
                slot.base().life.set(Life::Free);
            }
        }
        state.reap();
        state.main.bound().next_generation();
        state.main.base().life.set(Life::Free);
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
