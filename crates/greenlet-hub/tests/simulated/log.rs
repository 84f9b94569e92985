//! What a program does, step by step: the hub's log and that of the simulation are compared.

use crate::simulated::program::{LINES, TASKS};
use greenlet_hub::{Refusal, SpawnError, Stop};

/// A reason to stop, without what only the hub can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Killed,
    Timeout(u8),
    Error(u32),
    Closed,
    Deadlock,
    SecondWaiter,
    LockCycle,
    NoSlot,
    Over,
    Other,
}

impl From<&Stop<u32>> for End {
    fn from(stop: &Stop<u32>) -> Self {
        match *stop {
            Stop::Killed => Self::Killed,
            Stop::Timeout(scope) => Self::Timeout(scope.depth()),
            Stop::Error(error) => Self::Error(error),
            Stop::Closed => Self::Closed,
            Stop::Deadlock => Self::Deadlock,
            Stop::Refused(Refusal::SecondWaiter { name: Some("bell" | "mail") }) => Self::SecondWaiter,
            Stop::Refused(Refusal::LockCycle { name: Some(_) }) => Self::LockCycle,
            Stop::Spawn(SpawnError::NoSlot { tasks: TASKS }) => Self::NoSlot,
            Stop::Spawn(SpawnError::Over) => Self::Over,
            _ => Self::Other,
        }
    }
}

/// What can be seen of all objects after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Audit {
    pub(crate) balances: [isize; LINES],
    pub(crate) room: usize,
    pub(crate) is_set: bool,
    pub(crate) free_stacks: usize,
    /// Values that exist: sent and not dropped.
    pub(crate) values: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) task: u32,
    pub(crate) now: u64,
    pub(crate) outcome: Result<u32, End>,
    pub(crate) audit: Audit,
}

/// Of the text of a report.
pub(crate) fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
