//! The ops of greenlets: what each means, and how it is written.

use crate::parse::{Arguments, Operation, Problem, Shape, shape, words};
use crate::scenario::Catch;

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

/// Every op of the format.
const SHAPES: [Shape<Op>; 21] = [
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

static WORDS: [&str; SHAPES.len()] = words(&SHAPES);

impl Operation for Op {
    const SHAPES: &'static [Shape<Self>] = &SHAPES;
    const HAS_CHANNELS: bool = false;

    fn words() -> &'static [&'static str] {
        &WORDS
    }
}

impl Arguments<'_> {
    fn on(&mut self) -> Result<bool, Problem> {
        self.one_of("trace mode", "on or off", [("on", true), ("off", false)])
    }

    fn sharing(&mut self) -> Result<Sharing, Problem> {
        let known = [("copy", Sharing::Copy), ("share", Sharing::Share), ("none", Sharing::None)];
        self.one_of("context mode", "copy, share or none", known)
    }
}
