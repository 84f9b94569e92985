//! Handles to tasks: joining, killing, throwing.

use crate::hub::State;
use crate::node::{Kind, Node};
use crate::remote_task::RemoteTask;
use crate::room;
use crate::slot::{KILLED, Life, SlotRef, THROWN};
use crate::stop::{Refusal, Stop};
use crate::task::Task;
use crate::what::{Waiting, What};
use core::fmt;
use core::marker::PhantomData;
use core::ptr;

/// A handle to a task, and to what its body will return. If it is dropped, the task continues, and its result is lost.
///
/// A task that has ended keeps its result on its own stack until it is joined, or the handle is dropped.
///
/// ```
/// # use greenlet_hub::{Hub, Stop, Threads};
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<2> = Hub::new(&PLATFORM);
/// # static STACKS: greenlet::StackPool<2, 65536> = greenlet::StackPool::new();
/// # HUB.run(|main| {
/// let answer = main.spawn(&STACKS, |_me| Ok(String::from("42"))).unwrap();
/// let forever = main.spawn(&STACKS, |me| loop { me.park()?; }).unwrap();
/// assert_eq!(answer.join(main), Ok(Ok("42".into())));
/// forever.kill();
/// assert_eq!(forever.join(main), Ok(Err::<(), _>(Stop::Killed)));
/// # }).unwrap();
/// ```
#[must_use = "a task whose handle is dropped continues, and its result is lost"]
pub struct JoinHandle<T, V: 'static = (), E: 'static = &'static str> {
    slot: SlotRef,
    generation: u64,
    types: PhantomData<*mut (T, V, E)>,
}

impl<T, V: Default + 'static, E: 'static> JoinHandle<T, V, E> {
    pub(crate) fn new(slot: SlotRef) -> Self {
        Self { slot, generation: slot.generation(), types: PhantomData }
    }

    pub(crate) fn slot(&self) -> SlotRef {
        self.slot
    }

    /// Asks the task to end: every wait of it ends with [`Stop::Killed`] from now on. A task that has not begun never
    /// runs its body.
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Stop, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
    /// # HUB.run(|main| {
    /// let task = main.spawn(&STACKS, |_me| -> Result<(), Stop> { unreachable!() }).unwrap();
    /// task.kill();
    /// assert_eq!(task.join(main), Ok(Err(Stop::Killed)));
    /// # }).unwrap();
    /// ```
    pub fn kill(&self) {
        room::probe();
        if !self.is_over() {
            self.slot.alert(KILLED);
            self.slot.schedule().ready.append(self.slot);
        }
    }

    /// Throws an error into the task: its present wait, or else its next one, ends with [`Stop::Error`], once. An error
    /// that was thrown before and not delivered yet is replaced.
    ///
    /// # Errors
    ///
    /// The error, if the task has ended.
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Stop, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
    /// # HUB.run(|main| {
    /// let task = main.spawn(&STACKS, |me| match me.park() {
    ///     Err(Stop::Error("reload")) => Ok("reloaded"),
    ///     other => Err(other.unwrap_err()),
    /// }).unwrap();
    /// main.yield_now().unwrap();
    /// task.throw("reload").unwrap();
    /// assert_eq!(task.join(main), Ok(Ok("reloaded")));
    /// # }).unwrap();
    /// ```
    pub fn throw(&self, error: E) -> Result<(), E> {
        room::probe_for::<(), (), E>();
        if self.is_over() {
            return Err(error);
        }
        self.slot.alert(THROWN);
        self.slot.schedule().ready.append(self.slot);
        // SAFETY: a task of `V` and `E`. Last, because the destructor of the previous error may call anything.
        drop(unsafe { self.slot.whole::<V, E>() }.thrown.replace(Some(error)));
        Ok(())
    }

    /// Waits for the end of the task, and returns what its body returned; `Err(Stop::Killed)` if it never did, or if
    /// the kernel cancelled its greenlet.
    ///
    /// A body must not return in a critical section: the task cannot wait there for a join. Unless another task joins
    /// it already, its result is dropped, and this returns `Err(Stop::Killed)`.
    ///
    /// When this returns, the stack of the task is free.
    ///
    /// # Errors
    ///
    /// A reason to stop. The task continues, and its result is lost.
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
    /// # HUB.run(|main| {
    /// let task = main.spawn(&STACKS, |_me| Ok(42)).unwrap();
    /// assert_eq!(task.join(main), Ok(Ok(42)));
    /// assert_eq!(STACKS.free(), 1);
    /// # }).unwrap();
    /// ```
    pub fn join(self, me: &Task<V, E>) -> Result<Result<T, Stop<E>>, Stop<E>> {
        room::probe_for::<T, V, E>();
        if !self.exists() {
            me.state().reap();
            return Ok(Err(Stop::Killed));
        }
        if !me.runs() {
            return Err(Stop::Refused(Refusal::NotCurrent));
        }
        let base = self.slot.base();
        match base.life.get() {
            Life::Over => return Ok(self.take_result(me)),
            Life::Failed => return Ok(Err(self.take_error())),
            _ => me.check_seen()?,
        }
        let mut place: Option<Result<T, Stop<E>>> = None;
        let data = &raw mut place;
        let node = Node::new(me.slot, Kind::Receive, data.cast());
        // The drop of this handle takes the node out again, on every way out: so the end of the task does not access it
        // afterwards.
        base.end.set(ptr::from_ref(&node).cast_mut().cast());
        let what = What::named(Waiting::Join, None, self.slot.address());
        me.wait_for_node(&what, &node)?;
        // SAFETY: the node is done, so the task's end does not write to it any more.
        match unsafe { &mut *data }.take() {
            // Apart, as in `deliver`.
            Some(Ok(value)) => Ok(Ok(value)),
            Some(Err(stop)) => Ok(Err(stop)),
            None => Ok(Err(if self.exists() { self.take_error() } else { Stop::Killed })),
        }
    }

    /// Waits for the end of the task, and leaves its result for a [`join`](Self::join): what `select` does with one arm.
    /// For wrappers in other languages.
    ///
    /// # Errors
    ///
    /// A reason to stop.
    #[doc(hidden)]
    pub fn wait_over(&mut self, me: &Task<V, E>) -> Result<(), Stop<E>> {
        me.check()?;
        if self.is_over() {
            return Ok(());
        }
        /// Takes the node out again, on every way out.
        struct Waits<'a, T, V: Default + 'static, E: 'static>(&'a JoinHandle<T, V, E>);
        impl<T, V: Default + 'static, E: 'static> Drop for Waits<'_, T, V, E> {
            fn drop(&mut self) {
                self.0.set_joiner(ptr::null());
            }
        }
        let node = Node::new(me.slot, Kind::Receive, ptr::null_mut());
        let _waits = Waits(self);
        self.set_joiner(&raw const node);
        me.wait_for_node(&What::named(Waiting::Join, None, self.slot.address()), &node)
    }

    /// Sets the node of a `select` that waits for the end, or null.
    pub(crate) fn set_joiner(&self, node: *const Node) {
        if !self.is_over() {
            self.slot.base().end.set(node.cast_mut().cast());
        }
    }

    /// Takes the result that waits in the frame of a task, and lets it end.
    #[inline(never)]
    fn take_result(self, me: &Task<V, E>) -> Result<T, Stop<E>> {
        let base = self.slot.base();
        let schedule = self.slot.schedule();
        // SAFETY: `deliver` set it, to a place of this type in a frame that does not change before `life` does.
        let result = unsafe { base.end.get().cast::<Option<Result<T, Stop<E>>>>().as_mut() }.and_then(Option::take);
        base.life.set(Life::Detached);
        // The task ends before this one continues, so its stack is free then. Either may be queued already, for example
        // by a kill.
        schedule.ready.remove(me.slot);
        schedule.ready.remove(self.slot);
        schedule.ready.set_level(self.slot, base.level.get().max(me.slot.base().level.get()));
        schedule.ready.prepend(me.slot);
        schedule.ready.prepend(self.slot);
        me.pause(None);
        result.unwrap_or(Err(Stop::Killed))
    }

    /// Returns `true` if the body has ended: [`join`](Self::join) does not wait.
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
    /// # HUB.run(|main| {
    /// let task = main.spawn(&STACKS, |_me| Ok(42)).unwrap();
    /// assert!(!task.is_over());
    /// main.yield_now().unwrap();
    /// assert!(task.is_over());
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn is_over(&self) -> bool {
        !self.exists() || matches!(self.slot.base().life.get(), Life::Over | Life::Failed)
    }

    /// Returns a handle with which interrupt handlers and other cores can wake or kill the task.
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
    /// # HUB.run(|main| {
    /// let task = main.spawn(&STACKS, |me| me.park()).unwrap();
    /// main.yield_now().unwrap(); // it is parked now
    /// task.remote().wake();
    /// assert_eq!(task.join(main), Ok(Ok(())));
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn remote(&self) -> RemoteTask {
        RemoteTask::of(self.slot, self.generation)
    }
}

impl<T, V: 'static, E: 'static> JoinHandle<T, V, E> {
    /// Returns `true` if the slot still has this task. Callers test this before they read other fields: if the
    /// generation differs, the slot may belong to another core by now, which writes them.
    fn exists(&self) -> bool {
        self.slot.generation() == self.generation
    }

    /// Takes the error of a task that was given up, and makes its slot free.
    #[cold]
    #[inline(never)]
    fn take_error(&self) -> Stop<E> {
        // SAFETY: a task of `V` and `E`.
        let error = unsafe { self.slot.whole::<V, E>() }.thrown.take();
        self.slot.next_generation();
        // SAFETY: the same.
        unsafe { State::<V, E>::of(self.slot) }.vacate(self.slot);
        error.map_or(Stop::Killed, Stop::Error)
    }
}

impl<T, V: 'static, E: 'static> Drop for JoinHandle<T, V, E> {
    #[inline]
    fn drop(&mut self) {
        if self.exists() {
            self.let_go();
        }
    }
}

impl<T, V: 'static, E: 'static> JoinHandle<T, V, E> {
    #[inline(never)]
    fn let_go(&self) {
        let base = self.slot.base();
        match base.life.get() {
            // Its result is dropped, and it ends.
            Life::Over => {
                room::probe();
                base.life.set(Life::Detached);
                self.slot.schedule().ready.append(self.slot);
            }
            Life::Failed => {
                room::probe_for::<(), (), E>();
                drop(self.take_error());
            }
            Life::Child => {}
            _ => {
                base.life.set(Life::Detached);
                base.end.set(ptr::null_mut());
            }
        }
    }
}

impl<T, V: 'static, E: 'static> fmt::Debug for JoinHandle<T, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("slot", &self.slot.address()).field("exists", &self.exists()).finish()
    }
}
