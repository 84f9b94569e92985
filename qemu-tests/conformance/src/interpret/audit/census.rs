//! What the kernel reports of all greenlets, at one moment.

use core::ops::Range;

use greenlet::{Context, Stack, State};
use heapless::Vec;

use super::violation::Violation;
use crate::interpret::context::{self, Variable};
use crate::interpret::machine::{self, BODIES, MACHINE, STACKS};
use crate::interpret::value::Handle;
use crate::scenario::MAX_SLOTS;

/// One look at everything. Greenlets are named by their slots.
pub(super) struct Census {
    /// All that exist, in the order in which the kernel lists them.
    pub(super) greenlets: Vec<Seen, MAX_SLOTS>,
    /// Those that exist by the word of weak handles.
    pub(super) existing: [bool; MAX_SLOTS],
    /// The greenlet that takes the census.
    pub(super) me: u8,
    /// The one that the kernel says is current.
    pub(super) current: Option<u8>,
    /// Where the current greenlet's stack stands, by the address of something on it.
    pub(super) here: usize,
    pub(super) kills: u32,
    /// The memory of all stacks.
    pub(super) pool: Range<usize>,
    /// Stacks that are not free.
    pub(super) stacks: usize,
    /// Bodies that exist.
    pub(super) bodies: u32,
    /// Contexts that exist.
    pub(super) contexts: u32,
    /// Contexts that some greenlet has.
    pub(super) owned_contexts: u32,
}

/// One greenlet.
#[derive(Clone, Copy)]
pub(super) struct Seen {
    pub(super) slot: u8,
    pub(super) id: u64,
    pub(super) state: State,
    pub(super) parent: Option<u8>,
    /// All that the kernel counts but the one that the listing itself lends.
    pub(super) references: u32,
    /// Whether the slot holds a reference.
    pub(super) held: bool,
    pub(super) stack: Option<Stack>,
}

impl Census {
    /// Takes it, from greenlet `me`. No reference is left behind, and none is the last while this
    /// lasts: what it looks at, it finds through something that refers to it.
    pub(super) fn take(on: &Handle, me: u8) -> Result<Self, Violation> {
        let mut greenlets = Vec::new();
        let mut contexts = Vec::<Context<Variable>, MAX_SLOTS>::new();
        let mut stranger = None;
        on.for_each(|greenlet| {
            let parent = greenlet.parent().map(|parent| parent.id());
            let slots = (slot_of(on, greenlet.id()), parent.map_or(Ok(None), |parent| slot_of(on, parent).map(Some)));
            let (Ok(slot), Ok(parent)) = slots else {
                stranger = slots.0.err().or(slots.1.err());
                return;
            };
            if let Some(context) = greenlet.context::<Variable>()
                && !contexts.contains(&context)
            {
                // There is room: no more of them than greenlets.
                let _ = contexts.push(context);
            }
            let seen = Seen {
                slot,
                id: greenlet.id(),
                state: greenlet.state(),
                parent,
                references: greenlet.references().wrapping_sub(1),
                held: MACHINE.with(on, |machine| machine.holds(slot)),
                stack: greenlet.stack(),
            };
            if greenlets.push(seen).is_err() {
                stranger = Some(greenlet.id());
            }
        });
        if let Some(id) = stranger {
            return Err(Violation::Stranger { id });
        }
        let current = on.current().map(|current| slot_of(on, current.id())).transpose();
        let here = 0_u8;
        let pool = core::ptr::from_ref(&STACKS).addr();
        Ok(Self {
            existing: core::array::from_fn(|slot| machine::lost(on, slot as u8).is_some()),
            me,
            current: current.map_err(|id| Violation::Stranger { id })?,
            here: core::ptr::from_ref(&here).addr(),
            kills: on.kills_in_progress(),
            pool: pool..pool + size_of_val(&STACKS),
            stacks: STACKS.count() - STACKS.free(),
            bodies: BODIES.alive(),
            contexts: context::ALIVE.alive(),
            owned_contexts: contexts.len() as u32,
            greenlets,
        })
    }

    /// The greenlet of `slot`, if it exists.
    pub(super) fn find(&self, slot: u8) -> Option<&Seen> {
        self.greenlets.iter().find(|seen| seen.slot == slot)
    }
}

/// The slot of the greenlet with that id; the id if it belongs to no slot.
fn slot_of(on: &Handle, id: u64) -> Result<u8, u64> {
    MACHINE.with(on, |machine| machine.slot_of(id)).map(|slot| slot as u8).ok_or(id)
}
