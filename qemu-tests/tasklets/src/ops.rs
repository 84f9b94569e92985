//! The ops as they are written: one table of their names, their arguments and how each is read.

use core::str::Split;

use greenlet_tasklets::Preference;

use crate::malformed::{Problem, Wanted};
use crate::scenario::{Catch, MAX_NUMBER, Op, When};

/// How an op is written.
pub(crate) struct Shape {
    /// Its first word.
    pub(crate) word: &'static str,
    /// The letters of its arguments, as in the corpus' README.
    takes: &'static str,
    read: fn(&mut Arguments<'_>) -> Result<Op, Problem>,
}

/// Every op of the format.
pub(crate) static SHAPES: [Shape; 33] = [
    shape("new", "S", |a| Ok(Op::New(a.child()?))),
    shape("make", "S", |a| Ok(Op::Make(a.child()?))),
    shape("sched", "V F", |a| Ok(Op::Schedule(a.value()?, a.catch()?))),
    shape("park", "V F", |a| Ok(Op::Park(a.value()?, a.catch()?))),
    shape("runall", "F", |a| Ok(Op::RunAll(a.catch()?))),
    shape("ins", "T", |a| Ok(Op::Insert(a.slot()?))),
    shape("rem", "T", |a| Ok(Op::Remove(a.slot()?))),
    shape("run", "T F", |a| Ok(Op::Run(a.slot()?, a.catch()?))),
    shape("swt", "T F", |a| Ok(Op::Switch(a.slot()?, a.catch()?))),
    shape("th", "T C W F", |a| Ok(Op::Throw(a.slot()?, a.number()?, a.when()?, a.catch()?))),
    shape("kill", "T W F", |a| Ok(Op::Kill(a.slot()?, a.when()?, a.catch()?))),
    shape("send", "H V F", |a| Ok(Op::Send(a.channel()?, a.value()?, a.catch()?))),
    shape("serr", "H C F", |a| Ok(Op::SendError(a.channel()?, a.number()?, a.catch()?))),
    shape("sexit", "H F", |a| Ok(Op::SendExit(a.channel()?, a.catch()?))),
    shape("sstop", "H F", |a| Ok(Op::SendStop(a.channel()?, a.catch()?))),
    shape("recv", "H F", |a| Ok(Op::Receive(a.channel()?, a.catch()?))),
    shape("next", "H F", |a| Ok(Op::Next(a.channel()?, a.catch()?))),
    shape("each", "H F", |a| Ok(Op::Each(a.channel()?, a.catch()?))),
    shape("pref", "H P", |a| Ok(Op::Prefer(a.channel()?, a.preference()?))),
    shape("all", "H B", |a| Ok(Op::ScheduleAll(a.channel()?, a.flag()?))),
    shape("close", "H", |a| Ok(Op::Close(a.channel()?))),
    shape("open", "H", |a| Ok(Op::Open(a.channel()?))),
    shape("trap", "T B", |a| Ok(Op::Trap(a.slot()?, a.flag()?))),
    shape("temp", "T V", |a| Ok(Op::SetCell(a.slot()?, a.value()?))),
    shape("tq", "T", |a| Ok(Op::Cell(a.slot()?))),
    shape("bal", "H", |a| Ok(Op::Balance(a.channel()?))),
    shape("chq", "H", |a| Ok(Op::Channel(a.channel()?))),
    shape("cnt", "", |_| Ok(Op::Count)),
    shape("cur", "", |_| Ok(Op::Current)),
    shape("st", "T", |a| Ok(Op::State(a.slot()?))),
    shape("ring", "", |_| Ok(Op::Ring)),
    shape("raise", "C", |a| Ok(Op::Raise(a.number()?))),
    shape("exit", "", |_| Ok(Op::Exit)),
];

const fn shape(word: &'static str, takes: &'static str, read: fn(&mut Arguments<'_>) -> Result<Op, Problem>) -> Shape {
    Shape { word, takes, read }
}

impl Shape {
    /// Reads the op's arguments.
    pub(crate) fn read(&self, words: Split<'_, char>, slots: u8, channels: u8) -> Result<Op, Problem> {
        let found = words.clone().count();
        if found != self.takes.split_whitespace().count() {
            return Err(Problem::Arguments { word: self.word, takes: self.takes, found });
        }
        (self.read)(&mut Arguments { words, slots, channels })
    }
}

/// Reads a number: decimal, without leading zeros, `low` to `high`.
pub(crate) fn number(word: &str, low: u16, high: u16, what: &'static str) -> Result<u16, Problem> {
    let digits = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let plain = digits && (word.len() == 1 || !word.starts_with('0'));
    match word.parse() {
        Ok(number) if plain && (low..=high).contains(&number) => Ok(number),
        _ => Err(Problem::wanted(word, Wanted::Number { what, low, high })),
    }
}

/// The arguments of an op that are still to be read. Their number is already checked.
struct Arguments<'a> {
    words: Split<'a, char>,
    slots: u8,
    channels: u8,
}

impl<'a> Arguments<'a> {
    fn word(&mut self) -> &'a str {
        // Beyond the last one an empty word, which nothing accepts.
        self.words.next().unwrap_or_default()
    }

    /// `T`: any slot.
    fn slot(&mut self) -> Result<u8, Problem> {
        let last = u16::from(self.slots - 1);
        number(self.word(), 0, last, "slot").map(|slot| slot as u8)
    }

    /// `S`: a slot other than main's.
    fn child(&mut self) -> Result<u8, Problem> {
        let last = u16::from(self.slots - 1);
        number(self.word(), 1, last, "slot other than main's").map(|slot| slot as u8)
    }

    /// `H`: a channel.
    fn channel(&mut self) -> Result<u8, Problem> {
        match u16::from(self.channels).checked_sub(1) {
            Some(last) => number(self.word(), 0, last, "channel").map(|channel| channel as u8),
            None => Err(Problem::wanted(self.word(), Wanted::Channel)),
        }
    }

    /// `C`: a number.
    fn number(&mut self) -> Result<u16, Problem> {
        number(self.word(), 0, MAX_NUMBER, "number")
    }

    /// `V`: a number, or `-` for no value.
    fn value(&mut self) -> Result<Option<u16>, Problem> {
        match self.word() {
            "-" => Ok(None),
            word => number(word, 0, MAX_NUMBER, "value other than -").map(Some),
        }
    }

    /// One of a few words.
    fn one_of<T>(&mut self, words: &'static str, all: impl IntoIterator<Item = T>) -> Result<T, Problem> {
        let word = self.word();
        let known = words.split(' ').zip(all).find(|(known, _)| *known == word);
        known.map(|(_, meaning)| meaning).ok_or_else(|| Problem::wanted(word, Wanted::OneOf(words)))
    }

    /// `F`: what the op catches.
    fn catch(&mut self) -> Result<Catch, Problem> {
        let all = [(false, false), (true, false), (false, true), (true, true)];
        self.one_of("- e x a", all.map(|(errors, exits)| Catch { errors, exits }))
    }

    fn when(&mut self) -> Result<When, Problem> {
        self.one_of("now later", [When::Now, When::Later])
    }

    fn preference(&mut self) -> Result<Preference, Problem> {
        self.one_of("-1 0 1", [Preference::Receiver, Preference::Nobody, Preference::Sender])
    }

    fn flag(&mut self) -> Result<bool, Problem> {
        self.one_of("0 1", [false, true])
    }
}
