//! What a scenario is: the ops, and the scripts which they stand in. Data only; `parse` makes it
//! and `interpret` reads it.

use heapless::{String, Vec};

/// The most slots of a scenario, the main greenlet's included.
pub const MAX_SLOTS: usize = 16;
/// The most ops of a script.
pub const MAX_OPS: usize = 24;
/// The most characters of a scenario's name.
pub const MAX_NAME: usize = 40;
/// The largest number: values, error codes and exit payloads are 0 to this.
pub const MAX_NUMBER: u16 = 999;

/// One operation of a script.
///
/// Fields of type `u8` are slots. `None` is what the text writes as `-`: no value, an exit
/// without a payload or, for a parent, the current greenlet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the arguments, in the order of the op's own line")]
pub enum Op {
    /// `new S P`: create a greenlet that runs the script of its slot.
    New { slot: u8, parent: Option<u8> },
    /// `bare S P`: create a greenlet without a run function.
    Bare { slot: u8, parent: Option<u8> },
    /// `run T`: install the run function.
    Run { slot: u8 },
    /// `sw T V F`: switch to a greenlet.
    Switch { target: u8, value: Option<u16>, catch: Catch },
    /// `up V F`: switch to the parent of the current greenlet.
    Up { value: Option<u16>, catch: Catch },
    /// `th T C F`: throw an error.
    Throw { target: u8, code: u16, catch: Catch },
    /// `kill T K F`: throw an exit.
    Kill { target: u8, payload: Option<u16>, catch: Catch },
    /// `par T P`: set the parent.
    Parent { slot: u8, parent: Option<u8> },
    /// `st T`: log the state and the parent of a greenlet.
    State { slot: u8 },
    /// `cur`: log the current greenlet and its parent.
    Current,
    /// `ret V`: return from the script.
    Return { value: Option<u16> },
    /// `raise C`: leave the script by an error.
    Raise { code: u16 },
    /// `exit K`: leave the script by an exit.
    Exit { payload: Option<u16> },
    /// `drop S`: clear a slot.
    Drop { slot: u8 },
    /// `hold`: store the current greenlet in its own slot.
    Hold,
    /// `trace on`, `trace off`: install the logging callback, or none.
    Trace { on: bool },
    /// `boom C`: install a callback that fails at its first event.
    Boom { code: u16 },
    /// `tq`: log whether there is a callback.
    TraceQuery,
    /// `cset C`: set the context variable.
    ContextSet { value: u16 },
    /// `cget`: log the context variable.
    ContextGet,
    /// `ctx T MODE`: give a greenlet a context.
    Context { slot: u8, sharing: Sharing },
}

/// What a transfer catches: the argument `F`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Catch {
    /// Errors, and the kernel's refusal to start a greenlet without a run function.
    pub errors: bool,
    /// Exits.
    pub exits: bool,
}

/// The context that `ctx` gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// A copy of the current greenlet's.
    Copy,
    /// The current greenlet's own.
    Share,
    /// None at all.
    None,
}

/// A scenario: a name, and a script for each slot.
///
/// A plain value of fixed size, about 3 KiB, without references into the text it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    name: String<MAX_NAME>,
    slots: u8,
    /// Those from `slots` on are empty.
    scripts: [Vec<Op, MAX_OPS, u8>; MAX_SLOTS],
}

impl Scenario {
    /// Makes a scenario of empty scripts; `slots` is at most [`MAX_SLOTS`].
    pub(crate) const fn new(name: String<MAX_NAME>, slots: u8) -> Self {
        assert!(slots as usize <= MAX_SLOTS, "a scenario has at most MAX_SLOTS slots");
        Self { name, slots, scripts: [const { Vec::new() }; MAX_SLOTS] }
    }

    /// Adds an op to the end of a script. Gives it back when the script is full.
    pub(crate) fn push(&mut self, script: u8, op: Op) -> Result<(), Op> {
        self.scripts[usize::from(script)].push(op)
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the number of slots, the main greenlet's included.
    #[must_use]
    pub fn slots(&self) -> u8 {
        self.slots
    }

    /// Returns the ops of a slot's script, empty for a slot without one.
    ///
    /// # Panics
    ///
    /// When `slot` is not one of the scenario's [`slots`](Self::slots).
    #[must_use]
    pub fn script(&self, slot: u8) -> &[Op] {
        assert!(slot < self.slots, "the scenario has no slot {slot}");
        &self.scripts[usize::from(slot)]
    }
}
