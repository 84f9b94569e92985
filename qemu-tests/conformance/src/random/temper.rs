//! What a random scenario is about.
//!
//! Ops drawn evenly would make scenarios that are all alike: a bit of everything, and nothing to
//! the end. So each scenario has a temper, drawn once. One is a deep tree whose greenlets die one
//! after the other, one drops every handle it has, one throws and catches nothing.

use super::numbers::Numbers;
use super::ops::{KINDS, Topic};
use crate::scenario::{MAX_OPS, MAX_SLOTS};

/// The temper of one scenario. Chances are in percent.
pub(super) struct Temper {
    pub(super) slots: u8,
    /// The fewest and the most ops of a script, main's and creations aside.
    pub(super) ops: (u16, u16),
    /// The chance that a transfer catches something.
    pub(super) catches: u16,
    /// The chance that a greenlet is created under the last one: deep trees.
    pub(super) chains: u16,
    /// The chance that a greenlet is created by another one than main.
    pub(super) delegates: u16,
    /// The chance that a greenlet is created without a run function.
    pub(super) bare: u16,
    /// The chance that a script begins with a wait in `up`, so that its greenlet is suspended as soon as it has
    /// started.
    pub(super) waits: u16,
    /// The chance that, where an op is due, a greenlet is started and let go of.
    pub(super) lets_go: u16,
    /// The chance that a greenlet is to [lose its last reference](super::forsaken) while it runs.
    pub(super) forsakes: u16,
    /// Whether slots of even numbers use `up`, which the interpreter runs by [`Me::up`](greenlet::Me::up). If not, the
    /// audit knows every reference.
    pub(super) own_up: bool,
    /// How likely each of [`KINDS`] is.
    pub(super) weights: [u16; KINDS.len()],
}

impl Temper {
    pub(super) fn draw(numbers: &mut Numbers) -> Self {
        let largest = MAX_SLOTS as u16;
        // Small ones most often: what goes wrong does so among few, and few meet more often.
        let last = numbers.one_of(&[4, 6, 8, largest]);
        let slots = numbers.between(2, last) as u8;
        let longest = numbers.one_of(&[3, 6, 10, MAX_OPS as u16]);
        let volume = |topic: Topic, numbers: &mut Numbers| match topic {
            Topic::Always => 2,
            Topic::Drops => numbers.one_of(&[0, 2, 2, 6]),
            Topic::Traces => numbers.one_of(&[0, 0, 1, 4]),
            Topic::Contexts => numbers.one_of(&[0, 0, 1, 4]),
            Topic::Ups | Topic::Throws | Topic::Kills | Topic::Parents | Topic::Deaths => numbers.one_of(&[0, 2, 2, 6]),
        };
        let volumes = Topic::ALL.map(|topic| volume(topic, numbers));
        let mut weights = [0; KINDS.len()];
        for (weight, kind) in weights.iter_mut().zip(&KINDS) {
            *weight = kind.weight * volumes[kind.topic as usize];
        }
        let drops = volumes[Topic::Drops as usize] > 0;
        Self {
            slots,
            ops: (longest / 3, longest),
            catches: numbers.one_of(&[10, 50, 90]),
            chains: numbers.one_of(&[15, 40, 85]),
            delegates: numbers.one_of(&[5, 30, 60]),
            bare: numbers.one_of(&[0, 0, 10, 40]),
            waits: numbers.one_of(&[10, 50, 90]),
            lets_go: if drops { numbers.one_of(&[0, 15, 35]) } else { 0 },
            forsakes: if drops { numbers.one_of(&[0, 10, 30]) } else { 0 },
            own_up: numbers.percent(60),
            weights,
        }
    }

    /// Whether the script of a slot may have an `up`.
    pub(super) fn may_up(&self, slot: u8) -> bool {
        slot != 0 && (self.own_up || !slot.is_multiple_of(2))
    }
}
