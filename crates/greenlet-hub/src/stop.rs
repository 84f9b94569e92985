//! Why a wait ended before what it waited for.

use crate::spawn::SpawnError;
use core::fmt;
use greenlet::Refused;

/// Why a wait ended before what it waited for. `?` passes it on, and so ends the task.
///
/// `Killed` and `Timeout` hold as long as their reason does: every later wait ends with them at once, so code that
/// ignores one gets it again. A wait that has completed never ends with a reason to stop: its result is returned first.
///
/// ```
/// use greenlet_hub::Stop;
/// let stop: Stop<&str> = "out of paper".into();
/// assert_eq!(stop, Stop::Error("out of paper"));
/// assert!(Stop::<&str>::Killed.to_string().contains("return from the body"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stop<E = &'static str> {
    /// The task is asked to end: it was killed, or the run of the hub ends. Holds until the body has ended.
    Killed,
    /// The time of an enclosing [`Task::with_timeout`](crate::Task::with_timeout) is over, which catches it. Holds
    /// until that scope is left.
    Timeout(TimeoutScope),
    /// An error that was thrown into the task, sent to it by a channel, or is its own. Delivered once.
    Error(E),
    /// The channel is closed.
    Closed,
    /// No task can ever run again, and this is main. [`Task::report`](crate::Task::report) lists what each task waits
    /// for.
    Deadlock,
    /// The operation was refused before anything changed.
    Refused(Refusal),
    /// A task of a scope could not be created.
    Spawn(SpawnError),
}

/// A scope of [`Task::with_timeout`](crate::Task::with_timeout), in [`Stop::Timeout`]. It is caught by its own scope,
/// so programs rarely look at it.
///
/// ```
/// # use core::time::Duration;
/// # use greenlet_hub::{Hub, Stop, Threads};
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<1> = Hub::new(&PLATFORM);
/// # HUB.run(|main| {
/// main.with_timeout(Duration::from_millis(1), || {
///     let Err(Stop::Timeout(scope)) = main.sleep(Duration::from_secs(9)) else { panic!() };
///     assert_eq!(scope.depth(), 1);
///     Err::<(), _>(Stop::Timeout(scope))
/// }).unwrap();
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeoutScope(pub(crate) u8);

impl TimeoutScope {
    /// Returns how many scopes enclose this one, itself included: 1 is the outermost.
    ///
    /// ```
    /// # use core::time::Duration;
    /// # use greenlet_hub::{Hub, Stop, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # HUB.run(|main| {
    /// let (hour, now) = (Duration::from_secs(3600), Duration::ZERO);
    /// let outer = main.with_timeout(now, || main.with_timeout(hour, || {
    ///     let Err(Stop::Timeout(scope)) = main.sleep(hour) else { panic!() };
    ///     assert_eq!(scope.depth(), 1); // the outer one's time is over
    ///     Err::<(), _>(Stop::Timeout(scope))
    /// }));
    /// assert_eq!(outer, Ok(None));
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn depth(self) -> u8 {
        self.0
    }
}

/// Why an operation was refused.
///
/// ```
/// use greenlet_hub::Refusal;
/// assert!(Refusal::SecondWaiter { name: Some("button") }.to_string().contains("`button`"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The kernel refused to switch to another task.
    Kernel(greenlet::Refusal),
    /// The `&Task` is not that of the code that runs.
    NotCurrent,
    /// Another task waits for this already, and only one can.
    SecondWaiter {
        /// The name that the object has.
        name: Option<&'static str>,
    },
    /// More than 16 nested `with_timeout`.
    TooDeep,
    /// The task that holds this lock has ended without unlocking it: it was given up after a panic or an overflow, or
    /// has forgotten its guard. [`Mutex::recover`](crate::Mutex::recover) takes it over.
    HolderGone {
        /// The name that the lock has.
        name: Option<&'static str>,
    },
    /// Waiting for this lock would be a deadlock: its holder waits, by way of other locks, for this task.
    LockCycle {
        /// The name that the lock has.
        name: Option<&'static str>,
    },
}

/// Allows `Err(error)?` in a body.
impl<E> From<E> for Stop<E> {
    fn from(error: E) -> Self {
        Self::Error(error)
    }
}

/// Allows `?` after an operation that gives back what it could not send.
impl<E, T> From<Refused<Stop<E>, T>> for Stop<E> {
    fn from(refused: Refused<Stop<E>, T>) -> Self {
        refused.reason
    }
}

impl<E: fmt::Display> fmt::Display for Stop<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Killed => f.write_str("the task is asked to end; return from the body, `?` does"),
            Self::Timeout(_) => {
                f.write_str("the time of an enclosing `with_timeout` is over; return from its closure, `?` does")
            }
            Self::Error(error) => error.fmt(f),
            Self::Closed => f.write_str("the channel is closed; stop using it, or make another"),
            Self::Deadlock => f.write_str(
                "no task can ever run again; print `report()`, which names each task and what it waits for, and kill one",
            ),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Spawn(reason) => reason.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for Stop<E> {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kernel(refusal) => refusal.fmt(f),
            Self::NotCurrent => f.write_str(
                "this `&Task` is of another task than the one that runs; wait with the one that the body gets",
            ),
            Self::SecondWaiter { name } => write!(
                f,
                "another task waits for `{}` already, and one at a time can; use one of these per task",
                name.unwrap_or("?")
            ),
            Self::TooDeep => f.write_str("more than 16 `with_timeout` in one another; leave some of them first"),
            Self::HolderGone { name } => write!(
                f,
                "the task that holds the lock `{}` has ended, and the value may be half changed; take it over by `recover`",
                name.unwrap_or("?")
            ),
            Self::LockCycle { name } => write!(
                f,
                "the holder of the lock `{}` is this task, or waits for a lock of it; take locks once, in the same order everywhere",
                name.unwrap_or("?")
            ),
        }
    }
}

impl core::error::Error for Refusal {}
