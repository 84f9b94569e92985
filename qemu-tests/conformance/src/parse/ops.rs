//! The ops as they are written: one table of their names, their arguments and how each is read.

use core::str::Split;

use super::malformed::{Allowed, Excerpt, Numbers, Problem};
use crate::scenario::{Catch, MAX_NUMBER, MAX_SLOTS, Op, Sharing};

/// How an op is written.
pub(super) struct Shape {
    /// Its first word.
    pub(super) word: &'static str,
    /// The letters of its arguments, as in `corpus/README.md`, with a space between two.
    pub(super) takes: &'static str,
    read: fn(&mut Arguments<'_>) -> Result<Op, Problem>,
}

/// Every op of the format.
pub(super) static SHAPES: [Shape; 21] = [
    shape("new", "S P", |a| Ok(Op::New { slot: a.child()?, parent: a.parent()? })),
    shape("bare", "S P", |a| Ok(Op::Bare { slot: a.child()?, parent: a.parent()? })),
    shape("run", "T", |a| Ok(Op::Run { slot: a.slot()? })),
    shape("sw", "T V F", |a| Ok(Op::Switch { target: a.slot()?, value: a.optional()?, catch: a.catch()? })),
    shape("up", "V F", |a| Ok(Op::Up { value: a.optional()?, catch: a.catch()? })),
    shape("th", "T C F", |a| Ok(Op::Throw { target: a.slot()?, code: a.number()?, catch: a.catch()? })),
    shape("kill", "T K F", |a| Ok(Op::Kill { target: a.slot()?, payload: a.optional()?, catch: a.catch()? })),
    shape("par", "T P", |a| Ok(Op::Parent { slot: a.slot()?, parent: a.parent()? })),
    shape("st", "T", |a| Ok(Op::State { slot: a.slot()? })),
    shape("cur", "", |_| Ok(Op::Current)),
    shape("ret", "V", |a| Ok(Op::Return { value: a.optional()? })),
    shape("raise", "C", |a| Ok(Op::Raise { code: a.number()? })),
    shape("exit", "K", |a| Ok(Op::Exit { payload: a.optional()? })),
    shape("drop", "S", |a| Ok(Op::Drop { slot: a.child()? })),
    shape("hold", "", |_| Ok(Op::Hold)),
    shape("trace", "on/off", |a| Ok(Op::Trace { on: a.on()? })),
    shape("boom", "C", |a| Ok(Op::Boom { code: a.number()? })),
    shape("tq", "", |_| Ok(Op::TraceQuery)),
    shape("cset", "C", |a| Ok(Op::ContextSet { value: a.number()? })),
    shape("cget", "", |_| Ok(Op::ContextGet)),
    shape("ctx", "T copy/share/none", |a| Ok(Op::Context { slot: a.slot()?, sharing: a.sharing()? })),
];

const fn shape(word: &'static str, takes: &'static str, read: fn(&mut Arguments<'_>) -> Result<Op, Problem>) -> Shape {
    Shape { word, takes, read }
}

impl Shape {
    /// Finds the op of that name.
    pub(super) fn find(word: &str) -> Option<&'static Self> {
        SHAPES.iter().find(|shape| shape.word == word)
    }

    /// Reads the op's arguments. `slots` is the number of slots of the scenario.
    pub(super) fn read(&self, words: Split<'_, char>, slots: u8) -> Result<Op, Problem> {
        check_count(self.word, self.takes, words.clone())?;
        (self.read)(&mut Arguments { words, slots })
    }
}

/// Checks that there are as many arguments as `takes` has letters.
pub(super) fn check_count(word: &'static str, takes: &'static str, words: Split<'_, char>) -> Result<(), Problem> {
    let found = words.count();
    if found == takes.split_whitespace().count() { Ok(()) } else { Err(Problem::Arguments { word, takes, found }) }
}

/// Reads a number: 0 to 999 without leading zeros. `allowed` is what the message says of others.
pub(super) fn number(word: &str, allowed: Allowed) -> Result<u16, Problem> {
    if word.is_empty() || !word.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Problem::NotNumber { word: Excerpt::new(word), allowed });
    }
    if word.len() > 1 && word.starts_with('0') {
        return Err(Problem::LeadingZeros { word: Excerpt::new(word), allowed });
    }
    match word.parse() {
        Ok(number) if number <= MAX_NUMBER => Ok(number),
        _ => Err(Problem::TooLarge { word: Excerpt::new(word), allowed }),
    }
}

/// Reads the number of slots of a scenario.
pub(super) fn slot_count(word: &str) -> Result<u8, Problem> {
    let slots = number(word, Allowed { numbers: Numbers::Slots, dash: false })?;
    match u8::try_from(slots) {
        Ok(small) if (1..=MAX_SLOTS).contains(&usize::from(small)) => Ok(small),
        _ => Err(Problem::SlotCount { slots }),
    }
}

/// Reads a slot of a scenario that has `slots` slots.
pub(super) fn slot(word: &str, slots: u8) -> Result<u8, Problem> {
    slot_of(word, slots, Allowed { numbers: Numbers::Slot { slots }, dash: false })
}

fn slot_of(word: &str, slots: u8, allowed: Allowed) -> Result<u8, Problem> {
    let slot = number(word, allowed)?;
    match u8::try_from(slot) {
        Ok(small) if small < slots => Ok(small),
        _ => Err(Problem::SlotRange { slot, slots }),
    }
}

/// The arguments of an op that are still to be read. Their number is already checked.
struct Arguments<'a> {
    words: Split<'a, char>,
    slots: u8,
}

impl<'a> Arguments<'a> {
    fn word(&mut self) -> &'a str {
        // Beyond the last one an empty word, which nothing accepts.
        self.words.next().unwrap_or_default()
    }

    /// `T`: any slot.
    fn slot(&mut self) -> Result<u8, Problem> {
        slot(self.word(), self.slots)
    }

    /// `S`: a slot other than main's.
    fn child(&mut self) -> Result<u8, Problem> {
        let allowed = Allowed { numbers: Numbers::Child { slots: self.slots }, dash: false };
        match slot_of(self.word(), self.slots, allowed)? {
            0 => Err(Problem::MainSlot { slots: self.slots }),
            slot => Ok(slot),
        }
    }

    /// `P`: a slot, or `-` for the current greenlet.
    fn parent(&mut self) -> Result<Option<u8>, Problem> {
        match self.word() {
            "-" => Ok(None),
            word => {
                let allowed = Allowed { numbers: Numbers::Slot { slots: self.slots }, dash: true };
                slot_of(word, self.slots, allowed).map(Some)
            }
        }
    }

    /// `C`: a number.
    fn number(&mut self) -> Result<u16, Problem> {
        number(self.word(), Allowed { numbers: Numbers::Any, dash: false })
    }

    /// `V` and `K`: a number, or `-` for none.
    fn optional(&mut self) -> Result<Option<u16>, Problem> {
        match self.word() {
            "-" => Ok(None),
            word => number(word, Allowed { numbers: Numbers::Any, dash: true }).map(Some),
        }
    }

    /// `F`: what the op catches.
    fn catch(&mut self) -> Result<Catch, Problem> {
        match self.word() {
            "-" => Ok(Catch { errors: false, exits: false }),
            "e" => Ok(Catch { errors: true, exits: false }),
            "x" => Ok(Catch { errors: false, exits: true }),
            "a" => Ok(Catch { errors: true, exits: true }),
            word => Err(choice("catch flag", word, "- e x or a")),
        }
    }

    fn on(&mut self) -> Result<bool, Problem> {
        match self.word() {
            "on" => Ok(true),
            "off" => Ok(false),
            word => Err(choice("trace mode", word, "on or off")),
        }
    }

    fn sharing(&mut self) -> Result<Sharing, Problem> {
        match self.word() {
            "copy" => Ok(Sharing::Copy),
            "share" => Ok(Sharing::Share),
            "none" => Ok(Sharing::None),
            word => Err(choice("context mode", word, "copy, share or none")),
        }
    }
}

fn choice(what: &'static str, word: &str, allowed: &'static str) -> Problem {
    Problem::Choice { what, word: Excerpt::new(word), allowed }
}
