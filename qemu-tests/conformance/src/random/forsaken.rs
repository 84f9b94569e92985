//! A greenlet that loses its last reference while it runs, which chance alone brings about once in ten thousand
//! scenarios.
//!
//! It takes some doing. A running greenlet is referred to by the op that switched to it, until control is back there;
//! so it has to go back, and to be resumed by what holds no reference to it: the death of a child. A child refers to
//! its parent, dead or not; so it needs another one. After that the greenlet continues, and with the next departure it
//! is lost:
//!
//! ```text
//! script 0: new G -, new C G     sw G                sw C
//! script G:                      up                       drop G, par C 0, and on: up, sw or ret
//! script C:                                          ret
//! ```

use super::numbers::Numbers;
use super::ops::Draw;
use super::{Script, Temper};
use crate::op::Op;
use crate::scenario::Catch;

/// The slots that play the parts.
#[derive(Clone, Copy)]
pub(super) struct Forsaken {
    /// The one that is lost.
    greenlet: u8,
    /// Its child; created later, hence of a later slot.
    child: u8,
}

/// What a transfer catches: a part must not end before it is played.
const ALL: Catch = Catch { errors: true, exits: true };

impl Forsaken {
    /// Gives the parts to two slots, if the temper is for it.
    pub(super) fn draw(numbers: &mut Numbers, temper: &Temper) -> Option<Self> {
        let last = u16::from(temper.slots) - 1;
        if last < 2 || !numbers.percent(temper.forsakes) {
            return None;
        }
        let greenlet = numbers.between(1, last - 1);
        Some(Self { greenlet: greenlet as u8, child: numbers.between(greenlet + 1, last) as u8 })
    }

    /// How main creates the greenlet of a slot, if it has a part.
    pub(super) fn creation(self, slot: u8) -> Option<Op> {
        let parent = if slot == self.child { Some(self.greenlet) } else { None };
        (slot == self.greenlet || slot == self.child).then_some(Op::New { slot, parent })
    }

    /// What main does as soon as it has created the greenlet of a slot.
    pub(super) fn after_creation(self, draw: &mut Draw<'_>, slot: u8, script: &mut Script) {
        if slot == self.child {
            for target in [self.greenlet, self.child] {
                let _ = script.push(Op::Switch { target, value: draw.value(), catch: ALL });
            }
        }
    }

    /// What the script of a part begins with.
    pub(super) fn begin(self, draw: &mut Draw<'_>, creations: &Script, script: &mut Script) {
        if draw.me == self.child {
            script.clone_from(creations);
            let _ = script.push(Op::Return { value: draw.value() });
        } else if draw.me == self.greenlet {
            let parent = Some(if draw.numbers.percent(70) { 0 } else { draw.slot() });
            let ops = [
                Self::back(draw),
                Op::Drop { slot: self.greenlet },
                Op::Parent { slot: self.child, parent },
                match draw.numbers.below(10) {
                    0..5 => Self::back(draw),
                    5..8 => Op::Switch { target: draw.slot(), value: draw.value(), catch: draw.catch() },
                    8 => Op::Return { value: draw.value() },
                    _ => draw.op(),
                },
            ];
            // The script was empty, and has room for more.
            script.extend(ops);
        }
    }

    /// The way back to main, which is the parent.
    fn back(draw: &mut Draw<'_>) -> Op {
        let value = draw.value();
        if draw.temper.may_up(draw.me) {
            Op::Up { value, catch: ALL }
        } else {
            Op::Switch { target: 0, value, catch: ALL }
        }
    }
}
