//! How a task begins and ends.

use crate::hub::State;
use crate::join::JoinHandle;
use crate::node::Node;
use crate::ready::LEVELS;
use crate::room;
use crate::slot::{EXITED, Life, SlotRef};
use crate::stop::Stop;
use crate::task::Task;
use crate::wait::Resumed;
use crate::what::{Waiting, What};
use core::fmt;
use core::marker::PhantomData;
use core::ptr;
use greenlet::{Claimed, Greenlet, Me, Outcome, Refused, Stacks};

/// Why a task could not be created. The body is given back.
///
/// ```
/// # use greenlet::StackPool;
/// # use greenlet_hub::{Hub, SpawnError, Threads};
/// # static PLATFORM: Threads = Threads::new();
/// static HUB: Hub<1> = Hub::new(&PLATFORM);
/// static STACKS: StackPool<2, 65536> = StackPool::new();
/// HUB.run(|main| {
///     let first = main.spawn(&STACKS, |_me| Ok(())).unwrap();
///     let refused = main.spawn(&STACKS, |_me| Ok(())).unwrap_err();
///     assert_eq!(refused.reason, SpawnError::NoSlot { tasks: 1 });
///     first.join(main).unwrap().unwrap();
///     main.spawn(&STACKS, refused.returned).unwrap();
/// }).unwrap();
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpawnError {
    /// The hub has as many tasks as it can have.
    NoSlot {
        /// The number of tasks of the hub.
        tasks: usize,
    },
    /// There is no stack for it.
    NoStack(greenlet::SpawnError),
    /// The run of the hub, or the scope, is ending: no task begins any more.
    Over,
    /// The kernel refused to switch to a task of a scope, which begins at once.
    Refused(greenlet::Refusal),
    /// A tracer killed the new task of a scope, or switched away from it, before it had its body. It never begins.
    NotBegun,
}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSlot { tasks } => write!(
                f,
                "the hub has no free slot: {tasks} in use; give `Hub` a larger TASKS, or join tasks that have ended"
            ),
            Self::NoStack(reason) => reason.fmt(f),
            Self::Over => f.write_str("the closure given to `run` or `scope` has returned; spawn tasks before that"),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::NotBegun => f.write_str("a tracer did not let the task of a scope begin; do not switch in a tracer"),
        }
    }
}

impl core::error::Error for SpawnError {}

/// A task that is about to be created: its name and level can be set. Made by [`Task::build`].
///
/// ```
/// # use greenlet_hub::{Hub, Threads};
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<1> = Hub::new(&PLATFORM);
/// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
/// # HUB.run(|main| {
/// let motor = main.build(&STACKS).name("motor").level(3).spawn(|me| Ok(me.greenlet().name())).unwrap();
/// assert_eq!(motor.join(main), Ok(Ok(Some("motor"))));
/// # }).unwrap();
/// ```
#[must_use = "nothing is created before `spawn`"]
pub struct TaskBuilder<'a, P: Stacks, V: 'static = (), E: 'static = &'static str> {
    task: &'a Task<V, E>,
    stacks: &'static P,
    name: Option<&'static str>,
    level: u8,
}

/// # New tasks
impl<V: Default + 'static, E: 'static> Task<V, E> {
    /// Creates a task, which becomes ready: its body begins when this task waits.
    ///
    /// The body runs on a stack of the pool. Its captured data must fit into that, or this does not compile.
    ///
    /// # Errors
    ///
    /// [`SpawnError`], with the body.
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
    /// # HUB.run(|main| {
    /// let task = main.spawn(&STACKS, |me| { me.yield_now()?; Ok(42) }).unwrap();
    /// assert_eq!(task.join(main), Ok(Ok(42)));
    /// # }).unwrap();
    /// ```
    pub fn spawn<P: Stacks, T: 'static, F>(
        &self,
        stacks: &'static P,
        body: F,
    ) -> Result<JoinHandle<T, V, E>, Refused<SpawnError, F>>
    where
        F: FnOnce(&Task<V, E>) -> Result<T, Stop<E>> + 'static,
    {
        self.build(stacks).spawn(body)
    }

    /// Begins to create a task, with a name or a level.
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
    /// # HUB.run(|main| {
    /// main.build(&STACKS).name("logger").spawn(|_me| Ok(())).unwrap();
    /// assert!(main.report().to_string().contains("logger"));
    /// # }).unwrap();
    /// ```
    pub fn build<P: Stacks>(&self, stacks: &'static P) -> TaskBuilder<'_, P, V, E> {
        TaskBuilder { task: self, stacks, name: None, level: 0 }
    }
}

impl<P: Stacks, V: Default + 'static, E: 'static> TaskBuilder<'_, P, V, E> {
    /// Names the task, for reports. They print the name unchanged.
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
    /// # HUB.run(|main| {
    /// let task = main.build(&STACKS).name("logger").spawn(|me| Ok(me.greenlet().name())).unwrap();
    /// assert_eq!(task.join(main), Ok(Ok(Some("logger"))));
    /// # }).unwrap();
    /// ```
    pub fn name(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// Sets the level, 0 to 3: a task that is ready runs before every one of a lower level. The default is 0. A value
    /// above 3 counts as 3.
    ///
    /// Tasks are not preempted, so a level decides which task is next, not which is interrupted. A task of a high level
    /// that never waits keeps all others from running.
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<2> = Hub::new(&PLATFORM);
    /// # static STACKS: greenlet::StackPool<2, 65536> = greenlet::StackPool::new();
    /// # HUB.run(|main| {
    /// main.spawn(&STACKS, |_me| { println!("second"); Ok(()) }).unwrap();
    /// main.build(&STACKS).level(1).spawn(|_me| { println!("first"); Ok(()) }).unwrap();
    /// # main.yield_now().unwrap();
    /// # }).unwrap();
    /// ```
    pub fn level(mut self, level: u8) -> Self {
        self.level = level.min(LEVELS - 1);
        self
    }

    /// Creates the task, as [`Task::spawn`] does.
    ///
    /// # Errors
    ///
    /// [`SpawnError`], with the body.
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
    /// # HUB.run(|main| {
    /// let task = main.build(&STACKS).spawn(|_me| Ok(7)).unwrap();
    /// assert_eq!(task.join(main), Ok(Ok(7)));
    /// # }).unwrap();
    /// ```
    pub fn spawn<T: 'static, F>(self, body: F) -> Result<JoinHandle<T, V, E>, Refused<SpawnError, F>>
    where
        F: FnOnce(&Task<V, E>) -> Result<T, Stop<E>> + 'static,
    {
        room::probe_for::<F, V, E>();
        let (slot, claimed) = match self.claim() {
            Ok(claimed) => claimed,
            Err(reason) => return Err(Refused { reason, returned: body }),
        };
        let end = End::<V, E> { slot, types: PhantomData };
        let greenlet = claimed.spawn(move |me, _first| begin(me, end, body));
        start(slot, greenlet);
        Ok(JoinHandle::new(slot))
    }

    /// Takes a slot and a stack: what does not depend on the body.
    #[inline]
    fn claim(&self) -> Result<(SlotRef, Claimed<V, E, P>), SpawnError> {
        let state = self.task.state();
        state.reap();
        // The parent of every task is main, so control returns to main when the task ends.
        let Some(main) = state.parent() else { return Err(SpawnError::Over) };
        let Some(slot) = state.free.get() else {
            return Err(SpawnError::NoSlot { tasks: state.slots.get().len() });
        };
        let mut builder = main.build(self.stacks);
        if let Some(name) = self.name {
            builder = builder.name(name);
        }
        let claimed = builder.claim().map_err(SpawnError::NoStack)?;
        state.free.set(slot.base().next.take());
        // SAFETY: all slots of this hub are of `V` and `E`.
        unsafe { slot.whole::<V, E>() }.begin(Life::Joinable, self.level);
        slot.next_generation();
        Ok((slot, claimed))
    }
}

/// Makes a new task ready.
#[inline]
fn start<V: 'static, E: 'static>(slot: SlotRef, greenlet: Greenlet<V, E>) {
    // SAFETY: all slots of this hub are of `V` and `E`.
    unsafe { slot.whole::<V, E>() }.set_greenlet(Some(greenlet.downgrade()), Some(greenlet));
    slot.schedule().ready.append(slot);
}

/// The body of a task's greenlet.
fn begin<T, V: Default + 'static, E: 'static, F>(me: &Me<V, E>, end: End<V, E>, body: F) -> Outcome<V, E>
where
    F: FnOnce(&Task<V, E>) -> Result<T, Stop<E>>,
{
    // SAFETY: the slot was made for this greenlet, and the run lasts while it runs: the kernel resumes no greenlet
    // after the end of its tree. `me` lives until this returns.
    let task = unsafe { Task::new(me, end.slot) };
    end.slot.note_run();
    let result = if task.is_killed() {
        drop(body);
        Err(Stop::Killed)
    } else {
        body(&task)
    };
    deliver(&task, result);
    // A destructor of the program, which may panic. It runs before the end is recorded: a task is recognised as given
    // up by having no recorded end.
    task.state().drop_thrown(task.slot);
    let last = V::default();
    drop(end);
    Ok(last)
}

/// Hands the result to the task that joins, or keeps it here until one does.
fn deliver<T, V: Default + 'static, E: 'static>(task: &Task<V, E>, result: Result<T, Stop<E>>) {
    room::probe_for::<T, V, E>();
    let base = task.slot.base();
    if base.life.get() != Life::Joinable || base.alerts.get() & EXITED != 0 {
        return;
    }
    let joiner = base.end.replace(ptr::null_mut()).cast::<Node>();
    // SAFETY: set to a node in the frame of a task that waits, and to null before that is left.
    let joiner = unsafe { joiner.as_ref() }.filter(|joiner| !joiner.is_void());
    if let Some(joiner) = joiner {
        if !joiner.data.is_null() {
            let place = joiner.data.cast::<Option<Result<T, Stop<E>>>>();
            // Apart, because a `Stop` is larger than most values, and a copy of its size is a call.
            match result {
                // SAFETY: the place of a join of this task, so of the same type. Its frame does not change before its
                // task runs.
                Ok(value) => unsafe { place.write(Some(Ok(value))) },
                // SAFETY: the same.
                Err(stop) => unsafe { place.write(Some(Err(stop))) },
            }
            joiner.complete();
            return;
        }
        joiner.complete(); // of a `select`: the result waits for a join
    }
    let mut place = Some(result);
    keep(task, (&raw mut place).cast());
}

/// Waits until the result at `place`, in a frame of the task, was taken, or is not wanted.
#[inline(never)]
fn keep<V: Default + 'static, E: 'static>(task: &Task<V, E>, place: *mut ()) {
    let base = task.slot.base();
    base.life.set(Life::Over);
    base.end.set(place);
    task.slot.over();
    if let Some(wake_orphans) = task.slot.schedule().lock_waits.get() {
        wake_orphans(task.slot);
    }
    let what = What::new(Waiting::Result);
    while base.life.get() == Life::Over && task.pause(Some(&what)) == Resumed::Turn {}
    base.end.set(ptr::null_mut());
}

/// Records the end of a task when it is dropped: after the body, when a panic leaves it, or with a body that never
/// began.
struct End<V: Default + 'static, E: 'static> {
    slot: SlotRef,
    types: PhantomData<fn(V) -> E>,
}

impl<V: Default + 'static, E: 'static> Drop for End<V, E> {
    fn drop(&mut self) {
        let slot = self.slot;
        let base = slot.base();
        let joiner = base.end.replace(ptr::null_mut()).cast::<Node>();
        if base.life.replace(Life::Dead) == Life::Joinable {
            // SAFETY: as in `deliver`. Its place stays empty: there is no result.
            if let Some(joiner) = unsafe { joiner.as_ref() }.filter(|joiner| !joiner.is_void()) {
                joiner.complete();
            }
        }
        slot.next_generation();
        let schedule = slot.schedule();
        if base.next.get().is_some() {
            schedule.ready.remove(slot);
        }
        base.what.set(ptr::null());
        // SAFETY: the state that begins with this schedule is of `V` and `E`.
        let state = unsafe { State::<V, E>::of(slot) };
        if let Some(wake_orphans) = schedule.lock_waits.get() {
            wake_orphans(slot);
        }
        state.reap();
        schedule.dead.set(Some(slot));
        // SAFETY: as above. Last, because the destructor of an error may call anything.
        drop(unsafe { slot.whole::<V, E>() }.thrown.take());
    }
}
