//! The ops of tasklets and channels: how each is written. The table of the corpus' README says what each does.

use greenlet_tasklets::Preference;

use crate::parse::{Arguments, Operation, Problem, Shape, shape, words};
use crate::scenario::Catch;

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

/// Every op of the format.
const SHAPES: [Shape<Op>; 33] = [
    shape("new", "S", |a| Ok(Op::New(a.child()?))),
    shape("make", "S", |a| Ok(Op::Make(a.child()?))),
    shape("sched", "V F", |a| Ok(Op::Schedule(a.optional()?, a.catch()?))),
    shape("park", "V F", |a| Ok(Op::Park(a.optional()?, a.catch()?))),
    shape("runall", "F", |a| Ok(Op::RunAll(a.catch()?))),
    shape("ins", "T", |a| Ok(Op::Insert(a.slot()?))),
    shape("rem", "T", |a| Ok(Op::Remove(a.slot()?))),
    shape("run", "T F", |a| Ok(Op::Run(a.slot()?, a.catch()?))),
    shape("swt", "T F", |a| Ok(Op::Switch(a.slot()?, a.catch()?))),
    shape("th", "T C W F", |a| Ok(Op::Throw(a.slot()?, a.number()?, a.when()?, a.catch()?))),
    shape("kill", "T W F", |a| Ok(Op::Kill(a.slot()?, a.when()?, a.catch()?))),
    shape("send", "H V F", |a| Ok(Op::Send(a.channel()?, a.optional()?, a.catch()?))),
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
    shape("temp", "T V", |a| Ok(Op::SetCell(a.slot()?, a.optional()?))),
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

static WORDS: [&str; SHAPES.len()] = words(&SHAPES);

impl Operation for Op {
    const SHAPES: &'static [Shape<Self>] = &SHAPES;
    const HAS_CHANNELS: bool = true;

    fn words() -> &'static [&'static str] {
        &WORDS
    }
}

impl Arguments<'_> {
    fn when(&mut self) -> Result<When, Problem> {
        self.one_of("moment", "now or later", [("now", When::Now), ("later", When::Later)])
    }

    fn preference(&mut self) -> Result<Preference, Problem> {
        let known = [("-1", Preference::Receiver), ("0", Preference::Neither), ("1", Preference::Sender)];
        self.one_of("preference", "-1, 0 or 1", known)
    }

    fn flag(&mut self) -> Result<bool, Problem> {
        self.one_of("flag", "0 or 1", [("0", false), ("1", true)])
    }
}
