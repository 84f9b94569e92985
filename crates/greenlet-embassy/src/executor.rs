//! embassy's executor, polled by a task of a hub.

use core::cell::UnsafeCell;
use core::convert::Infallible;
use core::fmt;
use core::ptr;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8};
use embassy_executor::{Spawner, raw};
use greenlet_hub::{RemoteTask, Signal, Stop, Task};

/// embassy's executor, which a task of a hub runs. A static.
///
/// The task sleeps while none of embassy's tasks is ready. Each time that it has polled those that were, the other
/// tasks of the hub have their turns.
///
/// ```
/// use embassy_executor::task;
/// use greenlet::StackPool;
/// use greenlet_embassy::Executor;
/// use greenlet_hub::{Hub, Signal, Threads};
/// static PLATFORM: Threads = Threads::new();
/// static HUB: Hub<1> = Hub::new(&PLATFORM);
/// static STACKS: StackPool<1, 65536> = StackPool::new();
/// static EXECUTOR: Executor = Executor::new();
/// static DONE: Signal = Signal::new();
///
/// #[task]
/// async fn work(n: u32) { DONE.raise(n); }
///
/// HUB.run(|main| {
///     let _embassy = main.spawn(&STACKS, |me| EXECUTOR.run(me, |spawner| spawner.spawn(work(5).unwrap()))).unwrap();
///     assert_eq!(DONE.wait(main), Ok(5));
/// }).unwrap();
/// ```
pub struct Executor {
    /// Raised when one of embassy's tasks becomes ready.
    ready: Signal,
    /// The list of those that run or ran: see [`pender`].
    next: AtomicPtr<Executor>,
    state: AtomicU8,
    polling: AtomicBool,
    /// Written in the state `CLAIMED`, read in the state `BOUND`.
    bound: UnsafeCell<Option<Bound>>,
}

struct Bound {
    raw: raw::Executor,
    task: RemoteTask,
}

const FRESH: u8 = 0;
const CLAIMED: u8 = 1;
const BOUND: u8 = 2;

// SAFETY: `bound` is written by the one caller that changes `FRESH` to `CLAIMED`, and read only after `BOUND` is set.
// The raw executor, which is not `Sync`, is only used in `run`, by one task; tasks do not leave their core.
unsafe impl Sync for Executor {}

static FIRST: AtomicPtr<Executor> = AtomicPtr::new(ptr::null_mut());

impl Executor {
    /// Creates an executor.
    ///
    /// ```
    /// static EXECUTOR: greenlet_embassy::Executor = greenlet_embassy::Executor::new();
    /// # let _ = &EXECUTOR;
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self {
            ready: Signal::new().named("embassy's executor"),
            next: AtomicPtr::new(ptr::null_mut()),
            state: AtomicU8::new(FRESH),
            polling: AtomicBool::new(false),
            bound: UnsafeCell::new(None),
        }
    }

    /// Polls embassy's tasks until there is a reason to stop. Calls `init` first, which spawns some.
    ///
    /// It can be called again, by the same task: after a `with_timeout` around it, for instance. embassy's tasks then
    /// continue where they were. Meanwhile they are not polled, and they are never dropped.
    ///
    /// # Errors
    ///
    /// A reason to stop; without one, this does not return.
    ///
    /// # Panics
    ///
    /// If another task has run this executor, or one of embassy's tasks has panicked in it.
    ///
    /// ```
    /// # use core::time::Duration;
    /// # use greenlet_embassy::Executor;
    /// # use greenlet_hub::{Hub, Signal, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// static EXECUTOR: Executor = Executor::new();
    /// # HUB.run(|main| {
    /// let stopped = main.with_timeout(Duration::from_millis(1), || EXECUTOR.run(main, |_spawner| ()));
    /// assert_eq!(stopped, Ok(None));
    /// # }).unwrap();
    /// ```
    pub fn run<V: Default + 'static, E: 'static>(
        &'static self,
        me: &Task<V, E>,
        init: impl FnOnce(Spawner),
    ) -> Result<Infallible, Stop<E>> {
        let raw = self.bind(me.remote());
        init(raw.spawner());
        loop {
            me.check()?;
            self.poll(raw);
            if self.ready.take() == 0 {
                self.ready.wait(me)?;
            } else {
                // Some are ready again already. Without this, a task that wakes itself would keep the core.
                me.yield_now()?;
            }
        }
    }

    /// Returns the raw executor, which the first call binds to its task.
    fn bind(&'static self, task: RemoteTask) -> &'static raw::Executor {
        if self.state.compare_exchange(FRESH, CLAIMED, Acquire, Acquire).is_ok() {
            let raw = raw::Executor::new(ptr::from_ref(self).cast_mut().cast());
            // SAFETY: one caller comes here, and none reads it before `BOUND` is set.
            unsafe { *self.bound.get() = Some(Bound { raw, task }) };
            let mut first = FIRST.load(Relaxed);
            loop {
                self.next.store(first, Relaxed);
                let this = ptr::from_ref(self).cast_mut();
                match FIRST.compare_exchange_weak(first, this, Release, Relaxed) {
                    Ok(_) => break,
                    Err(other) => first = other,
                }
            }
            self.state.store(BOUND, Release);
        }
        assert_eq!(self.state.load(Acquire), BOUND, "another task runs this `Executor`; declare one for each task");
        // SAFETY: `BOUND` is set, so it is written, and never again.
        match unsafe { &*self.bound.get() } {
            Some(bound) if bound.task == task => &bound.raw,
            // A task of another core, or of a later run of the hub, must not poll futures that are not `Send`.
            _ => panic!("another task runs or ran this `Executor`; declare one for each task"),
        }
    }

    fn poll(&self, raw: &'static raw::Executor) {
        let nested = self.polling.swap(true, AcqRel);
        assert!(!nested, "a task of this `Executor` has panicked; embassy cannot continue then");
        // SAFETY: `polling` was not set, so this is not called inside itself.
        unsafe { raw.poll() };
        self.polling.store(false, Release);
    }
}

impl Default for Executor {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = self.state.load(Relaxed) == BOUND;
        f.debug_struct("Executor").field("bound", &runs).finish_non_exhaustive()
    }
}

/// Called by embassy, anywhere, when the first task of an executor becomes ready.
///
/// The context of an executor of ours is a pointer to its [`Executor`]. Programs may have raw executors with other
/// contexts, which must not be used as pointers: so it is looked for in the list. Executors are not removed from that.
#[unsafe(export_name = "__pender")]
fn pender(context: *mut ()) {
    let mut next = FIRST.load(Acquire);
    // SAFETY: the list has pointers to statics, and was written before `FIRST` was.
    while let Some(executor) = unsafe { next.as_ref() } {
        if ptr::eq(next.cast(), context) {
            executor.ready.raise(1);
            return;
        }
        next = executor.next.load(Relaxed);
    }
}
