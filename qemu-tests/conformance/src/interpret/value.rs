//! What the greenlets of a scenario exchange, and how it is written in the log.

use core::fmt;

use greenlet::{Greenlet, Thrown};

/// A handle of the interpreter's own tree.
pub(super) type Handle = Greenlet<Value, Code>;

/// What a transfer carries. The package distinguishes an exit that is *returned* from other values by
/// its type; here it is a variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// No value was sent, or a script ran off its end.
    None,
    Int(u16),
    /// An exit, with its payload.
    Exit(Option<u16>),
}

impl Value {
    /// The value as a script's first: an exit arrives as no value (a quirk of the package which
    /// the logs pin; see "Exit values" in `corpus/README.md`).
    pub(super) const fn as_start(self) -> Self {
        match self {
            Self::Exit(_) => Self::None,
            value => value,
        }
    }
}

impl From<Option<u16>> for Value {
    fn from(value: Option<u16>) -> Self {
        value.map_or(Self::None, Self::Int)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Exit(None) => f.write_str("X"),
            Self::Exit(Some(payload)) => write!(f, "X{payload}"),
        }
    }
}

/// An error of a scenario.
///
/// A type of its own, private to this crate: each [`Handle`] comes from the one
/// tree of the interpreter (see `cell`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Code(pub(super) u16);

/// What is caught or dies, as the log writes it: `E5`, `X`, `X5`, `NORUN`.
pub(super) struct Token<'a>(pub(super) &'a Thrown<Value, Code>);

impl Token<'_> {
    /// Whether the format has a word for it.
    pub(super) const fn is_known(&self) -> bool {
        matches!(self.0, Thrown::Exit(Value::Exit(_)) | Thrown::Error(_) | Thrown::NoRun)
    }
}

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Thrown::Exit(exit @ Value::Exit(_)) => write!(f, "{exit}"),
            Thrown::Error(Code(code)) => write!(f, "E{code}"),
            Thrown::NoRun => f.write_str("NORUN"),
            other => write!(f, "UNEXPECTED {other:?}"),
        }
    }
}
