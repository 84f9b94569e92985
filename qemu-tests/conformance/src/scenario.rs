//! What a scenario is: the scripts, and the limits of what stands in them. Data only; `parse` makes it and an
//! interpreter reads it. The ops are of greenlets or of tasklets.

use heapless::{String, Vec};

use crate::op::Op;

/// The most slots of a scenario, main's included.
pub const MAX_SLOTS: usize = 16;
/// The most channels of a scenario.
pub const MAX_CHANNELS: usize = 8;
/// The most ops of a script.
pub const MAX_OPS: usize = 24;
/// The most characters of a scenario's name.
pub const MAX_NAME: usize = 40;
/// The largest number: values, error codes and exit payloads are 0 to this.
pub const MAX_NUMBER: u16 = 999;

/// What an op catches: the argument `F`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Catch {
    /// Errors, and whatever else is no exit.
    pub errors: bool,
    /// Exits.
    pub exits: bool,
}

/// A scenario: a name, and a script for each slot.
///
/// A plain value of fixed size, 3 KiB or 4, without references into the text it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario<O = Op> {
    name: String<MAX_NAME>,
    slots: u8,
    pub(crate) channels: u8,
    /// Those from `slots` on are empty.
    scripts: [Vec<O, MAX_OPS, u8>; MAX_SLOTS],
}

impl<O> Scenario<O> {
    /// Makes a scenario of empty scripts, without channels; `slots` is at most [`MAX_SLOTS`].
    pub(crate) const fn new(name: String<MAX_NAME>, slots: u8) -> Self {
        assert!(slots as usize <= MAX_SLOTS, "a scenario has at most MAX_SLOTS slots");
        Self { name, slots, channels: 0, scripts: [const { Vec::new() }; MAX_SLOTS] }
    }

    /// Adds an op to the end of a script. Gives it back when the script is full.
    pub(crate) fn push(&mut self, script: u8, op: O) -> Result<(), O> {
        self.scripts[usize::from(script)].push(op)
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the number of slots, main's included.
    #[must_use]
    pub fn slots(&self) -> u8 {
        self.slots
    }

    /// Returns the number of channels. Scenarios of greenlets have none.
    #[must_use]
    pub fn channels(&self) -> u8 {
        self.channels
    }

    /// Returns the ops of a slot's script, empty for a slot without one.
    ///
    /// # Panics
    ///
    /// When `slot` is not one of the scenario's [`slots`](Self::slots).
    #[must_use]
    pub fn script(&self, slot: u8) -> &[O] {
        assert!(slot < self.slots, "the scenario has no slot {slot}");
        &self.scripts[usize::from(slot)]
    }
}
