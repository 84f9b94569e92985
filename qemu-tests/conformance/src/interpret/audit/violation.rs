//! What an audit finds wrong, and how it says so.

use core::fmt;

use greenlet::{EnterError, Stack, State};

use super::books::Life;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::interpret) enum Violation {
    /// A greenlet that this scenario did not create.
    Stranger { id: u64 },
    /// The list of all greenlets and the weak handle disagree about which greenlets exist.
    Listed { slot: u8, listed: bool },
    /// The list is not in the order of creation.
    Order { slot: u8, after: u8 },
    /// Another number of greenlets than one runs, or another one.
    Running { expected: u8, slot: u8, state: State },
    /// The current greenlet is not the one that runs.
    Current { expected: u8, found: Option<u8> },
    /// A greenlet went back in life, or lives without a body.
    State { slot: u8, before: Life, now: Life },
    /// A chain of parents does not end in main.
    Parent { slot: u8 },
    /// Fewer references than are known.
    References { slot: u8, expected: u32, found: u32 },
    /// More references, or fewer, than kills in progress explain.
    Kills { kills: u32, most: u32, found: u32 },
    /// Reported leaked, and something refers to it.
    Leaked { slot: u8, found: u32 },
    /// No stack, or none of the pool, or not where it stands.
    Stack { slot: u8, stack: Option<Stack> },
    /// The running greenlet is not on its stack.
    StackPointer { slot: u8, stack: Stack, found: usize },
    /// Two greenlets have one stack.
    Overlap { slot: u8, other: u8 },
    /// Stacks were lost, or given back too early.
    Stacks { expected: usize, found: usize },
    /// Bodies were lost, or dropped twice.
    Bodies { expected: u32, found: u32 },
    /// Contexts were lost, or dropped twice.
    Contexts { expected: u32, found: u32 },
    /// The next run could not begin.
    Enter { reason: EnterError },
    /// The interpreter met something that the format has no words for, and said what.
    Unexpected,
}

impl Violation {
    /// The kind, in a word: two failures of one kind are one failure when scenarios are shrunk.
    pub(super) const fn kind(self) -> &'static str {
        match self {
            Self::Stranger { .. } => "stranger",
            Self::Listed { .. } => "ring",
            Self::Order { .. } => "order",
            Self::Running { .. } => "running",
            Self::Current { .. } => "current",
            Self::State { .. } => "state",
            Self::Parent { .. } => "parent",
            Self::References { .. } => "references",
            Self::Kills { .. } => "kills",
            Self::Leaked { .. } => "leaked",
            Self::Stack { .. } | Self::StackPointer { .. } | Self::Overlap { .. } => "stack",
            Self::Stacks { .. } => "pool",
            Self::Bodies { .. } => "bodies",
            Self::Contexts { .. } => "contexts",
            Self::Enter { .. } => "enter",
            Self::Unexpected => "unexpected",
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Stranger { id } => write!(f, "expected greenlets of this scenario, found one with id {id}"),
            Self::Listed { slot, listed: true } => {
                write!(f, "greenlet {slot}: expected to be freed, as its weak handle says, found among all greenlets")
            }
            Self::Listed { slot, listed: false } => {
                write!(f, "greenlet {slot}: expected among all greenlets, as its weak handle works, found missing")
            }
            Self::Order { slot, after } => {
                write!(f, "greenlet {slot}: expected in the order of creation, found after {after}")
            }
            Self::Running { expected, slot, state } => {
                write!(f, "greenlet {slot}: expected {expected} to run and no other, found {state}")
            }
            Self::Current { expected, found } => {
                write!(f, "the current greenlet: expected {expected}, found {}", Label(found))
            }
            Self::State { slot, before, now } => {
                write!(f, "greenlet {slot}: expected what can follow {before}, found {now}")
            }
            Self::Parent { slot } => write!(f, "greenlet {slot}: expected parents that end in main, found a cycle"),
            Self::References { slot, expected, found } => {
                write!(f, "greenlet {slot}: expected {expected} references or more, found {found}")
            }
            Self::Kills { kills, most, found } => {
                write!(f, "references of kills, of which {kills} are in progress: expected {}", kills * 2)?;
                if most > kills * 2 {
                    write!(f, " to {most}")?;
                }
                write!(f, ", found {found} that nothing else explains")
            }
            Self::Leaked { slot, found } => {
                write!(f, "greenlet {slot}: expected one reference when it is reported leaked, found {found}")
            }
            Self::Stack { slot, stack: Some(stack) } => {
                write!(f, "greenlet {slot}: expected one stack of the pool, found {stack}")
            }
            Self::Stack { slot, stack: None } => {
                write!(f, "greenlet {slot}: expected a stack while it is not dead, and for main none, found otherwise")
            }
            Self::StackPointer { slot, stack, found } => {
                write!(f, "greenlet {slot}: expected to stand on its stack ({stack}), found {found:#x}")
            }
            Self::Overlap { slot, other } => {
                write!(f, "greenlet {slot}: expected a stack of its own, found that of greenlet {other}")
            }
            Self::Stacks { expected, found } => {
                write!(f, "stacks that are taken: expected {expected}, found {found}")
            }
            Self::Bodies { expected, found } => write!(f, "bodies: expected {expected}, found {found}"),
            Self::Contexts { expected, found } => write!(f, "contexts: expected {expected}, found {found}"),
            Self::Enter { reason } => write!(f, "the next run: expected to be entered, found a refusal: {reason}"),
            Self::Unexpected => f.write_str("expected what the format can say, found something else"),
        }
    }
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotYet => f.write_str("not created"),
            Self::Is(state) => state.fmt(f),
            Self::Freed => f.write_str("freed"),
        }
    }
}

/// A greenlet, or none.
struct Label(Option<u8>);

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(slot) => slot.fmt(f),
            None => f.write_str("none"),
        }
    }
}
