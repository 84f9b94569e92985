//! What comes of a call, in a form that a table can hold.

use crate::values::Out;
use greenlet::{EnterError, Gone, LocalError, ParentError, Refusal, RunError, Sent, SpawnError, State, Thrown};

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A transfer came back with a value, an error, an exit.
    Value(u32),
    Error(u32),
    Exit(u32),
    NoRun,
    /// Refused, and nothing was sent.
    Refused(Refusal),
    /// Refused, and what was sent came back.
    Back(Refusal, u32),
    /// The call has not come back: control arrived in main, with this.
    ToMain(Landed),
    /// It was done.
    Done,
    Yes,
    No,
    Number(u32),
    Is(State),
    Text(&'static str),
    Parent(ParentError),
    Run(RunError),
    Spawn(SpawnError),
    Enter(EnterError),
    Local(LocalError),
    Gone,
}

/// What arrived in main.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Landed {
    Value(u32),
    Error(u32),
    Exit(u32),
    Other,
}

impl From<Out> for Answer {
    fn from(outcome: Out) -> Self {
        match outcome {
            Ok(value) => Self::Value(value.number),
            Err(Thrown::Error(error)) => Self::Error(error.number),
            Err(Thrown::Exit(value)) => Self::Exit(value.number),
            Err(Thrown::NoRun) => Self::NoRun,
            Err(Thrown::Refused(refusal, None)) => Self::Refused(refusal),
            Err(Thrown::Refused(refusal, Some(Sent::Value(sent) | Sent::Exit(sent)))) => {
                Self::Back(refusal, sent.number)
            }
            Err(Thrown::Refused(refusal, Some(Sent::Error(sent)))) => Self::Back(refusal, sent.number),
            Err(_) => unreachable!("no other variant exists"),
        }
    }
}

impl From<Out> for Landed {
    fn from(outcome: Out) -> Self {
        match outcome.into() {
            Answer::Value(number) => Self::Value(number),
            Answer::Error(number) => Self::Error(number),
            Answer::Exit(number) => Self::Exit(number),
            _ => Self::Other,
        }
    }
}

impl From<bool> for Answer {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

impl From<Result<(), ParentError>> for Answer {
    fn from(result: Result<(), ParentError>) -> Self {
        result.map_or_else(Self::Parent, |()| Self::Done)
    }
}

impl From<Gone> for Answer {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}
