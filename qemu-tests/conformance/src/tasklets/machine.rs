//! What the scripts of a scenario share: the scenario, whose tasklet is whose, and where the log goes.

use greenlet::StackPool;
use greenlet_tasklets::{Channel, Scheduler};
use heapless::String;
use spin::{Mutex, MutexGuard};

use super::{Line, Op, Scenario, Slot, Value};
use crate::Sink;
use crate::scenario::{MAX_CHANNELS, MAX_SLOTS};

/// An error is its number.
pub(super) type Me<'a> = greenlet_tasklets::Me<'a, Value, u16>;
pub(super) type Tasklet = greenlet_tasklets::Tasklet<Value, u16>;
pub(super) type Raised = greenlet_tasklets::Raised<u16>;

/// The stack of one tasklet, in bytes. `core::fmt` takes most of it, without optimization.
const STACK_SIZE: usize = 32 * 1024;

/// One stack for each slot but main's: a slot is used once, so more are never needed.
pub(super) static STACKS: StackPool<{ MAX_SLOTS - 1 }, STACK_SIZE> = StackPool::new();
pub(super) static TASKLETS: Scheduler<{ MAX_SLOTS - 1 }, Value, u16> = Scheduler::new();
pub(super) static CHANNELS: [Channel<Value, u16>; MAX_CHANNELS] = [
    TASKLETS.channel(),
    TASKLETS.channel(),
    TASKLETS.channel(),
    TASKLETS.channel(),
    TASKLETS.channel(),
    TASKLETS.channel(),
    TASKLETS.channel(),
    TASKLETS.channel(),
];

static MACHINE: Mutex<Machine> =
    Mutex::new(Machine { scenario: Scenario::new(String::new(), 1), tasklets: [None; MAX_SLOTS], sink: None });

/// The state of the scenario that runs. The lock is for the compiler: it is not held over a switch.
pub(super) struct Machine {
    scenario: Scenario,
    tasklets: [Option<Tasklet>; MAX_SLOTS],
    /// `None` when main's script is over: nothing is logged any more.
    sink: Option<Sink>,
}

impl Machine {
    fn open() -> MutexGuard<'static, Self> {
        MACHINE.lock()
    }

    pub(super) fn load(scenario: &Scenario, sink: Sink, main: Tasklet) {
        let mut machine = Self::open();
        machine.scenario.clone_from(scenario);
        machine.tasklets = [None; MAX_SLOTS];
        machine.tasklets[0] = Some(main);
        machine.sink = Some(sink);
    }

    pub(super) fn unload() {
        Self::open().sink = None;
    }

    /// Where lines go, or `None` when none may be written any more.
    pub(super) fn sink() -> Option<Sink> {
        Self::open().sink
    }

    /// The op of that index in a slot's script.
    pub(super) fn op(slot: Slot, at: usize) -> Option<Op> {
        Self::open().scenario.script(slot).get(at).copied()
    }

    pub(super) fn slots() -> u8 {
        Self::open().scenario.slots()
    }

    pub(super) fn channels() -> u8 {
        Self::open().scenario.channels()
    }

    /// The tasklet that was created in a slot.
    pub(super) fn tasklet(slot: Slot) -> Option<Tasklet> {
        Self::open().tasklets[usize::from(slot)]
    }

    pub(super) fn created(slot: Slot, tasklet: Tasklet) {
        Self::open().tasklets[usize::from(slot)] = Some(tasklet);
    }

    /// The slot in which a tasklet was created; none that a scenario can have, if it was not.
    pub(super) fn slot_of(tasklet: Tasklet) -> usize {
        Self::open().tasklets.iter().position(|&known| known == Some(tasklet)).unwrap_or(MAX_SLOTS)
    }
}

pub(super) fn channel(line: Line) -> &'static Channel<Value, u16> {
    &CHANNELS[usize::from(line) % MAX_CHANNELS]
}
