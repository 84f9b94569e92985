//! Random ops: one table of what can be drawn, how often and about what.

use super::numbers::Numbers;
use super::temper::Temper;
use crate::op::{Op, Sharing};
use crate::scenario::{Catch, MAX_NUMBER};

/// What ops are about. A temper is loud or silent about each of these.
#[derive(Clone, Copy)]
pub(super) enum Topic {
    Always,
    Ups,
    Throws,
    Kills,
    Parents,
    Deaths,
    Drops,
    Traces,
    Contexts,
}

impl Topic {
    /// All of them, in the order of their numbers.
    pub(super) const ALL: [Self; 9] = [
        Self::Always,
        Self::Ups,
        Self::Throws,
        Self::Kills,
        Self::Parents,
        Self::Deaths,
        Self::Drops,
        Self::Traces,
        Self::Contexts,
    ];
}

/// A kind of op that can be drawn.
pub(super) struct Kind {
    pub(super) topic: Topic,
    /// How likely it is among those of its topic and, with the topic's volume, among all.
    pub(super) weight: u16,
    make: fn(&mut Draw<'_>) -> Op,
}

/// Every op of the format but the first `new` or `bare` of a slot, which is not left to chance.
pub(super) static KINDS: [Kind; 21] = [
    kind(Topic::Always, 26, |d| Op::Switch { target: d.slot(), value: d.value(), catch: d.catch() }),
    kind(Topic::Always, 8, |d| Op::State { slot: d.slot() }),
    kind(Topic::Always, 2, |_| Op::Current),
    kind(Topic::Always, 1, |d| Op::New { slot: d.child(), parent: d.parent() }),
    kind(Topic::Always, 1, |d| Op::Bare { slot: d.child(), parent: d.parent() }),
    kind(Topic::Always, 2, |d| Op::Run { slot: d.slot() }),
    kind(Topic::Ups, 18, |d| Op::Up { value: d.value(), catch: d.catch() }),
    kind(Topic::Throws, 9, |d| Op::Throw { target: d.slot(), code: d.number(), catch: d.catch() }),
    kind(Topic::Kills, 8, |d| Op::Kill { target: d.slot(), payload: d.payload(), catch: d.catch() }),
    kind(Topic::Parents, 10, |d| Op::Parent { slot: d.slot(), parent: d.parent() }),
    kind(Topic::Deaths, 3, |d| Op::Return { value: d.value() }),
    kind(Topic::Deaths, 2, |d| Op::Raise { code: d.number() }),
    kind(Topic::Deaths, 2, |d| Op::Exit { payload: d.payload() }),
    kind(Topic::Drops, 14, |d| Op::Drop { slot: d.victim() }),
    kind(Topic::Drops, 4, |_| Op::Hold),
    kind(Topic::Traces, 4, |d| Op::Trace { on: d.numbers.percent(80) }),
    kind(Topic::Traces, 4, |d| Op::Boom { code: d.number() }),
    kind(Topic::Traces, 2, |_| Op::TraceQuery),
    kind(Topic::Contexts, 8, |d| Op::ContextSet { value: d.number() }),
    kind(Topic::Contexts, 8, |_| Op::ContextGet),
    kind(Topic::Contexts, 8, |d| Op::Context { slot: d.slot(), sharing: d.sharing() }),
];

const fn kind(topic: Topic, weight: u16, make: fn(&mut Draw<'_>) -> Op) -> Kind {
    Kind { topic, weight, make }
}

/// Draws ops for the script of one slot.
pub(super) struct Draw<'a> {
    pub(super) numbers: &'a mut Numbers,
    pub(super) temper: &'a Temper,
    /// The slot whose script it is.
    pub(super) me: u8,
    /// The last number that was sent. Each is new, so that a log shows which one arrived.
    pub(super) sent: &'a mut u16,
}

impl Draw<'_> {
    /// Any op that the temper allows here.
    pub(super) fn op(&mut self) -> Op {
        let total = (0..KINDS.len()).map(|at| self.weight(at)).sum();
        let mut drawn = self.numbers.below(total);
        for (at, kind) in KINDS.iter().enumerate() {
            match drawn.checked_sub(self.weight(at)) {
                Some(rest) => drawn = rest,
                None => return (kind.make)(self),
            }
        }
        // Not reached: what was drawn is below the sum.
        Op::Current
    }

    fn weight(&self, at: usize) -> u16 {
        let weight = self.temper.weights[at];
        match KINDS[at].topic {
            Topic::Ups if !self.temper.may_up(self.me) => 0,
            // When main's script is over, so is the scenario.
            Topic::Deaths if self.me == 0 => weight / 6,
            _ => weight,
        }
    }

    /// Any slot: mostly one of the others, now and then main or the script's own.
    pub(super) fn slot(&mut self) -> u8 {
        match self.numbers.below(100) {
            0..=6 => self.me,
            7..=16 => 0,
            _ => self.child(),
        }
    }

    /// Any slot but main's.
    pub(super) fn child(&mut self) -> u8 {
        self.numbers.between(1, u16::from(self.temper.slots) - 1) as u8
    }

    /// The operand of a `drop`: now and then the script's own greenlet.
    fn victim(&mut self) -> u8 {
        if self.me != 0 && self.numbers.percent(15) { self.me } else { self.child() }
    }

    /// A parent; `None` is the current greenlet.
    fn parent(&mut self) -> Option<u8> {
        if self.numbers.percent(15) { None } else { Some(self.slot()) }
    }

    pub(super) fn number(&mut self) -> u16 {
        *self.sent = *self.sent % MAX_NUMBER + 1;
        *self.sent
    }

    pub(super) fn value(&mut self) -> Option<u16> {
        if self.numbers.percent(12) { None } else { Some(self.number()) }
    }

    fn payload(&mut self) -> Option<u16> {
        if self.numbers.percent(50) { None } else { Some(self.number()) }
    }

    pub(super) fn catch(&mut self) -> Catch {
        let all = Catch { errors: true, exits: true };
        // What main does not catch ends the scenario.
        let catches = if self.me == 0 { 93 } else { self.temper.catches };
        if !self.numbers.percent(catches) {
            return Catch { errors: false, exits: false };
        }
        if self.me == 0 {
            return all;
        }
        self.numbers.one_of(&[all, Catch { errors: true, exits: false }, Catch { errors: false, exits: true }])
    }

    fn sharing(&mut self) -> Sharing {
        self.numbers.one_of(&[Sharing::Copy, Sharing::Copy, Sharing::Share, Sharing::Share, Sharing::None])
    }
}
