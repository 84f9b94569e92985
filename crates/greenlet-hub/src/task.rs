//! A task, as its own code sees it.

use crate::hub::State;
use crate::remote_task::RemoteTask;
use crate::report::Report;
use crate::slot::SlotRef;
use core::fmt;
use core::ops::Deref;
use core::ptr::NonNull;
use greenlet::Greenlet;

/// The task whose code runs, as that code sees it.
///
/// A body gets `&Task`, and everything that may wait takes one as an argument: so a function without one cannot wait.
/// It is neither `Send` nor `Sync`, and cannot leave its body. `V` and `E` are the types of the tree, which generators
/// and other greenlets beside the tasks may use; the hub itself sends `V::default()`.
///
/// ```
/// use core::time::Duration;
/// use greenlet::StackPool;
/// use greenlet_hub::{Hub, Stop, Task, Threads};
/// static PLATFORM: Threads = Threads::new();
/// static HUB: Hub<1> = Hub::new(&PLATFORM);
/// static STACKS: StackPool<1, 65536> = StackPool::new();
///
/// fn blink(me: &Task) -> Result<u32, Stop> {
///     for _ in 0..3 {
///         me.sleep(Duration::from_millis(1))?;
///     }
///     Ok(3)
/// }
/// HUB.run(|main| {
///     let blinker = main.spawn(&STACKS, blink).unwrap();
///     assert_eq!(blinker.join(main), Ok(Ok(3)));
/// }).unwrap();
/// ```
pub struct Task<V: 'static = (), E: 'static = &'static str> {
    pub(crate) slot: SlotRef,
    greenlet: NonNull<Greenlet<V, E>>,
}

/// Main, as a task: the argument of the closure of [`Hub::run`](crate::Hub::run).
///
/// While it waits, the tasks run. If none can ever run again, its wait ends with
/// [`Stop::Deadlock`](crate::Stop::Deadlock).
///
/// ```
/// # use greenlet_hub::{Hub, MainTask, Threads};
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<1> = Hub::new(&PLATFORM);
/// fn program(main: &MainTask) {
///     assert!(main.greenlet().is_main());
/// }
/// HUB.run(program).unwrap();
/// ```
pub struct MainTask<V: 'static = (), E: 'static = &'static str>(Task<V, E>);

impl<V: 'static, E: 'static> Deref for MainTask<V, E> {
    type Target = Task<V, E>;

    fn deref(&self) -> &Task<V, E> {
        &self.0
    }
}

impl<V: 'static, E: 'static> MainTask<V, E> {
    /// # Safety
    ///
    /// As [`Task::new`].
    pub(crate) unsafe fn new(greenlet: &Greenlet<V, E>, slot: SlotRef) -> Self {
        // SAFETY: the same contract.
        Self(unsafe { Task::new(greenlet, slot) })
    }
}

impl<V: 'static, E: 'static> Task<V, E> {
    /// # Safety
    ///
    /// The slot is of a hub of `V` and `E`, whose run lasts until this is dropped; and `greenlet` lives as long as
    /// this.
    pub(crate) unsafe fn new(greenlet: &Greenlet<V, E>, slot: SlotRef) -> Self {
        Self { slot, greenlet: NonNull::from(greenlet) }
    }

    #[inline(always)]
    pub(crate) fn state(&self) -> &'static State<V, E> {
        // SAFETY: a hub of these types.
        unsafe { State::of(self.slot) }
    }

    /// Returns the greenlet of this task, with which the kernel's own operations can be used.
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1, u32> = Hub::new(&PLATFORM);
    /// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
    /// # HUB.run(|main| {
    /// // A generator beside the tasks: values go through the kernel's switch.
    /// let squares = main.greenlet().spawn(&STACKS, |me, mut x| loop { x = me.up(x * x)?; }).unwrap();
    /// assert_eq!(squares.switch(3), Ok(9));
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn greenlet(&self) -> &Greenlet<V, E> {
        // SAFETY: it lives as long as this.
        unsafe { self.greenlet.as_ref() }
    }

    /// Returns a handle with which interrupt handlers and other cores can wake or kill this task.
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # HUB.run(|main| {
    /// let remote = main.remote();
    /// let other = std::thread::spawn(move || remote.wake());
    /// main.park().unwrap();
    /// # other.join().unwrap();
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn remote(&self) -> RemoteTask {
        RemoteTask::new(self.slot)
    }

    /// Returns a report on every task: `Display` prints a line for each, with what it waits for and which task holds
    /// that.
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Signal, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
    /// static BUTTON: Signal = Signal::new().named("button");
    /// # HUB.run(|main| {
    /// main.build(&STACKS).name("lamp").spawn(|me| BUTTON.wait(me)).unwrap();
    /// main.yield_now().unwrap();
    /// assert_eq!(main.report().to_string(), "  lamp       waits for the signal button\n");
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn report(&self) -> Report<'_, V, E> {
        Report::new(self)
    }
}

impl<V: 'static, E: 'static> fmt::Debug for Task<V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Task").field(&self.greenlet().name()).finish()
    }
}

impl<V: 'static, E: 'static> fmt::Debug for MainTask<V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MainTask")
    }
}
