//! The state of the scenario that runs: its scripts, its slots, where its log goes.
//!
//! Every function here opens the machine for a moment only. A handle comes out of it as a clone
//! or by being moved out, and the code that moved it out drops it when the machine is closed again.

use greenlet::{StackPool, Tree, WeakGreenlet};
use heapless::String;

use super::Sink;
use super::audit::books::Books;
use super::cell::OneCore;
use super::counted::Counter;
use super::log::{leaked, unraisable};
use super::value::{Code, Handle, Value};
use crate::op::Op;
use crate::scenario::{MAX_NAME, MAX_SLOTS, Scenario};

/// The stack of one greenlet, in bytes: more than twice what the deepest scenario needs.
///
/// That is `tests/nested_kills.scn`, and measured by painting the stacks, without optimization, 28 KiB hosted, where it
/// needs the most. An op alone needs 10 KiB, nearly all of it in `core::fmt`. A kill that nests in another one adds 1.5
/// KiB: the dropper of a greenlet waits for it to die, and it is in this wait that another one, just as lost, arrives.
/// Each takes a greenlet of its own, so that no more than 13 can nest in one that is not main.
const STACK_SIZE: usize = 64 * 1024;

pub(super) static TREE: Tree<Value, Code> =
    Tree::with_exit(|| Value::Exit(None)).on_unraisable(unraisable).on_leak(leaked);

/// One stack for each slot but main's: a slot is used once, so more are never needed.
pub(super) static STACKS: StackPool<{ MAX_SLOTS - 1 }, STACK_SIZE> = StackPool::new();

/// The bodies that exist.
pub(super) static BODIES: Counter = Counter::new();

pub(super) static MACHINE: OneCore<Machine> = OneCore::new(Machine {
    scenario: Scenario::new(String::new(), 0),
    sink: None,
    books: Books::closed(),
    slots: [const { Slot { handle: None, made: None } }; MAX_SLOTS],
    boom: Code(0),
    ended: false,
});

/// The state of the scenario that runs.
pub(super) struct Machine {
    scenario: Scenario,
    /// Where the log goes, if there is one.
    sink: Option<Sink>,
    /// What the audit compares with the kernel.
    pub(super) books: Books,
    slots: [Slot; MAX_SLOTS],
    /// The error of the last `boom`.
    pub(super) boom: Code,
    /// Main's script is over: nothing is logged and no op begins any more.
    pub(super) ended: bool,
}

struct Slot {
    /// The script's reference, which `drop` takes away.
    handle: Option<Handle>,
    /// The greenlet that was created here, if one was.
    made: Option<Made>,
}

/// What is remembered of a greenlet without referring to it.
struct Made {
    id: u64,
    weak: WeakGreenlet<Value, Code>,
}

impl Machine {
    /// Makes the machine ready for a scenario. The slots are empty: `unload` left them so.
    pub(super) fn load(&mut self, scenario: &Scenario, sink: Option<Sink>, books: Books) {
        self.scenario.clone_from(scenario);
        self.sink = sink;
        self.books = books;
        self.ended = false;
    }

    /// Returns the name of the scenario.
    pub(super) fn name(&self) -> String<MAX_NAME> {
        self.scenario.name().try_into().unwrap_or_default()
    }

    /// Returns the number of slots of the scenario.
    pub(super) fn slots(&self) -> u8 {
        self.scenario.slots()
    }

    /// Returns the op of that index in a slot's script.
    pub(super) fn op(&self, slot: u8, at: usize) -> Option<Op> {
        self.scenario.script(slot).get(at).copied()
    }

    /// Returns where lines go, or `None` when none may be written any more.
    pub(super) fn sink(&self) -> Option<Sink> {
        self.sink.filter(|_| !self.ended)
    }

    /// Returns the slot in which the greenlet of that id was created.
    pub(super) fn slot_of(&self, id: u64) -> Option<usize> {
        self.slots.iter().position(|slot| slot.made.as_ref().is_some_and(|made| made.id == id))
    }

    /// Says whether a slot holds a reference.
    pub(super) fn holds(&self, slot: u8) -> bool {
        self.slots[usize::from(slot)].handle.is_some()
    }

    fn slot(&mut self, slot: u8) -> &mut Slot {
        &mut self.slots[usize::from(slot)]
    }
}

/// Says whether a greenlet was ever created in a slot.
pub(super) fn used(on: &Handle, slot: u8) -> bool {
    MACHINE.with(on, |machine| machine.slot(slot).made.is_some())
}

/// Returns a further handle of a slot's greenlet, unless the slot is empty.
pub(super) fn handle(on: &Handle, slot: u8) -> Option<Handle> {
    MACHINE.with(on, |machine| machine.slot(slot).handle.clone())
}

/// Returns the slot of a greenlet of this scenario.
pub(super) fn slot_of(greenlet: &Handle) -> Option<u8> {
    MACHINE.with(greenlet, |machine| machine.slot_of(greenlet.id())).map(|slot| slot as u8)
}

/// Fills a slot for the first time.
pub(super) fn created(on: &Handle, slot: u8, handle: Handle) {
    let made = Made { id: handle.id(), weak: handle.downgrade() };
    MACHINE.with(on, |machine| machine.slot(slot).made = Some(made));
    drop(store(on, slot, Some(handle)));
}

/// Stores a reference in a slot, or none, and returns the one that was there.
pub(super) fn store(on: &Handle, slot: u8, handle: Option<Handle>) -> Option<Handle> {
    MACHINE.with(on, |machine| core::mem::replace(&mut machine.slot(slot).handle, handle))
}

/// Returns the greenlet that was created in a slot if it still exists, by whatever reference.
pub(super) fn lost(on: &Handle, slot: u8) -> Option<Handle> {
    MACHINE.with(on, |machine| machine.slot(slot).made.as_ref().and_then(|made| made.weak.upgrade()))
}

/// Empties every slot, after the tree has ended.
pub(super) fn unload(main: &Handle) {
    for slot in 0..MAX_SLOTS {
        let handle = MACHINE.with(main, |machine| {
            let slot = &mut machine.slots[slot];
            slot.made = None;
            slot.handle.take()
        });
        drop(handle);
    }
}
