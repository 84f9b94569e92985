//! The errors of operations, and the reasons of refusals.

use core::fmt;

/// The error of an operation, and that with which a tasklet ends.
///
/// `?` passes it on. [`Exit`](Self::Exit) ends a tasklet silently. Any other error that leaves a body is raised in the
/// tasklet that called [`run_all`](crate::Me::run_all) last, or else in main.
///
/// ```
/// use greenlet_tasklets::Raised;
/// fn step(got: Result<u32, Raised>) -> Result<u32, Raised> {
///     match got {
///         Err(Raised::Error("retry")) => Ok(0),
///         other => Ok(other? + 1),
///     }
/// }
/// assert_eq!(step(Ok(1)), Ok(2));
/// assert_eq!(step(Err("retry".into())), Ok(0));
/// assert_eq!(step(Err(Raised::Exit)), Err(Raised::Exit));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Raised<E = &'static str> {
    /// An error of the program: thrown, sent, or left another tasklet's body.
    Error(E),
    /// The tasklet is asked to end: it was killed, an exit was sent to it, or main has ended. Stackless' `TaskletExit`.
    Exit,
    /// The sender has ended the iteration. Stackless' `StopIteration`.
    Stop,
    /// The caller would wait for ever: it is the last tasklet that could run, and main waits at a channel.
    Deadlock,
    /// The last other tasklet has ended, and main waits to receive.
    NoSender,
    /// The last other tasklet has ended, and main waits to send.
    NoReceiver,
    /// The caller would have to wait, and its block trap is set.
    BlockTrap,
    /// The caller would have to wait, and the channel is closing.
    Closed,
    /// The operation is not possible here. Nothing has happened, except with [`Refusal::Masked`].
    Refused(Refusal),
}

/// Lets a body end with `Err(error)?`, and lets errors be thrown and sent without a conversion.
impl<E> From<E> for Raised<E> {
    fn from(error: E) -> Self {
        Self::Error(error)
    }
}

impl<E: fmt::Display> fmt::Display for Raised<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error(error) => return error.fmt(f),
            Self::Refused(refusal) => return refusal.fmt(f),
            Self::Exit => "the tasklet was asked to exit; return from its body, `?` does",
            Self::Stop => "the other side has ended the iteration; receive with `next` or `iter`, which end by it",
            Self::Deadlock => {
                "this is the last tasklet that can run, and main waits at a channel, too; keep a tasklet for the \
                 other side, or set the block trap of tasklets that must not wait"
            }
            Self::NoSender => {
                "main waits to receive, and all other tasklets have ended, wait or are paused; keep a sender alive, or \
                 insert it"
            }
            Self::NoReceiver => {
                "main waits to send, and all other tasklets have ended, wait or are paused; keep a receiver alive, or \
                 insert it"
            }
            Self::BlockTrap => {
                "this tasklet would have to wait, and its block trap is set; check the channel's `balance` first, or \
                 clear the trap"
            }
            Self::Closed => "the channel is closing, and no tasklet waits on its other side; stop, or `open` it",
        })
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for Raised<E> {}

/// Why an operation was refused.
///
/// ```
/// use greenlet_tasklets::{Raised, Refusal, Scheduler};
/// static TASKLETS: Scheduler<1> = Scheduler::new();
/// TASKLETS.enter(|main| {
///     assert_eq!(main.current().remove(main), Err(Raised::Refused(Refusal::Current)));
/// }).unwrap();
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// The tasklet is in the queue of a channel.
    Blocked,
    /// The tasklet is dead, or belongs to another run.
    Dead,
    /// The tasklet is the current one.
    Current,
    /// The channel belongs to another scheduler.
    OtherScheduler,
    /// Interrupts are masked that were unmasked when the scheduler was entered, so no other tasklet can run. What the
    /// operation has done to other tasklets stays; the caller is in the ring, and its cell is empty.
    Masked,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Blocked => "the tasklet waits at a channel; send or receive there, or throw into it",
            Self::Dead => "the tasklet is dead, or belongs to another run; drop this handle, and spawn another one",
            Self::Current => "the tasklet is the current one; leave the ring by `schedule_remove`",
            Self::OtherScheduler => {
                "the channel was made by another scheduler; make it by `channel` of the one that is entered here"
            }
            Self::Masked => {
                "interrupts are masked here, and were not when the scheduler was entered; leave the critical section \
                 or the handler first"
            }
        })
    }
}

impl core::error::Error for Refusal {}

/// Why a tasklet could not be created. The [`Refused`](greenlet::Refused) that has this reason returns the body.
///
/// ```
/// use greenlet::StackPool;
/// use greenlet_tasklets::{Scheduler, SpawnError};
/// static STACKS: StackPool<2, 16384> = StackPool::new();
/// static TASKLETS: Scheduler<1> = Scheduler::new();
/// TASKLETS.enter(|main| {
///     main.spawn(&STACKS, |_me| Ok(())).unwrap();
///     let refused = main.spawn(&STACKS, |_me| Ok(())).unwrap_err();
///     assert_eq!(refused.reason, SpawnError::TooMany { tasklets: 1 });
/// }).unwrap();
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpawnError {
    /// As many tasklets live as the scheduler has room for.
    TooMany {
        /// The number of tasklets, not counting main.
        tasklets: usize,
    },
    /// The greenlet could not be created, most often because the pool has no free stack.
    NoStack(greenlet::SpawnError),
}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany { tasklets } => {
                write!(
                    f,
                    "the scheduler has no free place: {tasklets} taken; give `Scheduler` a larger N, or let one end first"
                )
            }
            Self::NoStack(reason) => reason.fmt(f),
        }
    }
}

impl core::error::Error for SpawnError {}
