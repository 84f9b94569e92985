//! What a scenario is: the ops, and the scripts which they stand in. Data only; `parse` makes it and `interpret` reads it.

use greenlet_tasklets::Preference;
use heapless::{String, Vec};

/// The most slots of a scenario, the main tasklet's included.
pub const MAX_SLOTS: usize = 16;
/// The most channels of a scenario.
pub const MAX_CHANNELS: usize = 8;
/// The most ops of a script.
pub const MAX_OPS: usize = 24;
/// The most characters of a scenario's name.
pub const MAX_NAME: usize = 40;
/// The largest number: values and errors are 0 to this.
pub const MAX_NUMBER: u16 = 999;

/// A slot.
pub type Slot = u8;
/// A channel.
pub type Line = u8;
/// A value; `None` is what the text writes as `-`.
pub type Value = Option<u16>;

/// One operation of a script. The fields are the arguments, in the order of the op's own line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table of the corpus' README says what each does")]
pub enum Op {
    New(Slot),
    Make(Slot),
    Schedule(Value, Catch),
    Park(Value, Catch),
    RunAll(Catch),
    Insert(Slot),
    Remove(Slot),
    Run(Slot, Catch),
    Switch(Slot, Catch),
    Throw(Slot, u16, When, Catch),
    Kill(Slot, When, Catch),
    Send(Line, Value, Catch),
    SendError(Line, u16, Catch),
    SendExit(Line, Catch),
    SendStop(Line, Catch),
    Receive(Line, Catch),
    Next(Line, Catch),
    Each(Line, Catch),
    Prefer(Line, Preference),
    ScheduleAll(Line, bool),
    Close(Line),
    Open(Line),
    Trap(Slot, bool),
    SetCell(Slot, Value),
    Cell(Slot),
    Balance(Line),
    Channel(Line),
    Count,
    Current,
    State(Slot),
    Ring,
    Raise(u16),
    Exit,
}

/// When something that is thrown arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// `now`
    Now,
    /// `later`
    Later,
}

/// What an op catches: the argument `F`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Catch {
    /// All that is no exit.
    pub errors: bool,
    /// Exits.
    pub exits: bool,
}

/// A scenario: a name, and a script for each slot.
///
/// A plain value of fixed size, about 4 KiB, without references into the text it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    pub(crate) name: String<MAX_NAME>,
    pub(crate) slots: u8,
    pub(crate) channels: u8,
    /// Those from `slots` on are empty.
    pub(crate) scripts: [Vec<Op, MAX_OPS, u8>; MAX_SLOTS],
}

impl Scenario {
    pub(crate) const fn empty() -> Self {
        Self { name: String::new(), slots: 1, channels: 0, scripts: [const { Vec::new() }; MAX_SLOTS] }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number of slots, main's included.
    #[must_use]
    pub fn slots(&self) -> u8 {
        self.slots
    }

    /// The number of channels.
    #[must_use]
    pub fn channels(&self) -> u8 {
        self.channels
    }

    /// The ops of a slot's script; none for a slot that the scenario does not have.
    #[must_use]
    pub fn script(&self, slot: Slot) -> &[Op] {
        self.scripts.get(usize::from(slot)).map_or(&[], |script| script)
    }
}
