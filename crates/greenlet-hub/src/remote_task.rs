//! A task, as interrupt handlers and other cores see it.

use crate::slot::SlotRef;
use core::fmt;

/// A handle with which any code can wake or kill a task: interrupt handlers, other cores, other tasks.
///
/// Made by [`Task::remote`](crate::Task::remote) and [`JoinHandle::remote`](crate::JoinHandle::remote). Two words,
/// `Copy`, `Send` and `Sync`. It keeps nothing alive, and may be used after the task and even the run have ended.
///
/// ```
/// # use greenlet_hub::{Hub, Stop, Threads};
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<1> = Hub::new(&PLATFORM);
/// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
/// # HUB.run(|main| {
/// let task = main.spawn(&STACKS, |me| loop { me.park()?; }).unwrap();
/// let remote = task.remote();
/// std::thread::spawn(move || assert!(remote.kill()));
/// assert_eq!(task.join(main), Ok(Err::<(), _>(Stop::Killed)));
/// assert!(!remote.kill()); // it has ended
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RemoteTask {
    slot: SlotRef,
    generation: u64,
}

impl RemoteTask {
    pub(crate) fn new(slot: SlotRef) -> Self {
        Self::of(slot, slot.generation())
    }

    pub(crate) fn of(slot: SlotRef, generation: u64) -> Self {
        Self { slot, generation }
    }

    /// Wakes the task: its wait tests its condition again, and [`park`](crate::Task::park) returns. Never waits.
    ///
    /// If the task has ended and another one has its slot, that one is woken, and tests its condition again.
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # HUB.run(|main| {
    /// main.remote().wake();
    /// main.park().unwrap(); // returns at once
    /// # }).unwrap();
    /// ```
    #[inline]
    pub fn wake(&self) {
        self.slot.wake();
    }

    /// Asks the task to end: every wait of it ends with [`Stop::Killed`](crate::Stop::Killed) from now on. Returns
    /// `false` if its body has ended. No other task is killed instead.
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Stop, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # HUB.run(|main| {
    /// assert!(main.remote().kill());
    /// assert_eq!(main.yield_now(), Err(Stop::Killed));
    /// # }).unwrap();
    /// ```
    pub fn kill(&self) -> bool {
        self.slot.kill(self.generation)
    }
}

impl fmt::Debug for RemoteTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteTask").field("slot", &self.slot.address()).field("generation", &self.generation).finish()
    }
}
