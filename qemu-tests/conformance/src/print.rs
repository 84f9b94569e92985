//! Writes scenarios as text, in the format that [`parse`](crate::parse) reads.

use core::fmt;

use crate::op::{Op, Sharing};
use crate::scenario::{Catch, Scenario};

/// The scenario as a file holds it, from `scenario NAME` to `end`.
impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "scenario {}\nslots {}", self.name(), self.slots())?;
        for slot in 0..self.slots() {
            let script = self.script(slot);
            if !script.is_empty() {
                writeln!(f, "script {slot}")?;
            }
            for op in script {
                writeln!(f, "{op}")?;
            }
        }
        writeln!(f, "end")
    }
}

/// The op as a line of a script.
impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::New { slot, parent } => write!(f, "new {slot} {}", Dash(parent)),
            Self::Bare { slot, parent } => write!(f, "bare {slot} {}", Dash(parent)),
            Self::Run { slot } => write!(f, "run {slot}"),
            Self::Switch { target, value, catch } => write!(f, "sw {target} {} {catch}", Dash(value)),
            Self::Up { value, catch } => write!(f, "up {} {catch}", Dash(value)),
            Self::Throw { target, code, catch } => write!(f, "th {target} {code} {catch}"),
            Self::Kill { target, payload, catch } => write!(f, "kill {target} {} {catch}", Dash(payload)),
            Self::Parent { slot, parent } => write!(f, "par {slot} {}", Dash(parent)),
            Self::State { slot } => write!(f, "st {slot}"),
            Self::Current => f.write_str("cur"),
            Self::Return { value } => write!(f, "ret {}", Dash(value)),
            Self::Raise { code } => write!(f, "raise {code}"),
            Self::Exit { payload } => write!(f, "exit {}", Dash(payload)),
            Self::Drop { slot } => write!(f, "drop {slot}"),
            Self::Hold => f.write_str("hold"),
            Self::Trace { on } => write!(f, "trace {}", if on { "on" } else { "off" }),
            Self::Boom { code } => write!(f, "boom {code}"),
            Self::TraceQuery => f.write_str("tq"),
            Self::ContextSet { value } => write!(f, "cset {value}"),
            Self::ContextGet => f.write_str("cget"),
            Self::Context { slot, sharing } => write!(f, "ctx {slot} {sharing}"),
        }
    }
}

impl fmt::Display for Catch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.errors, self.exits) {
            (false, false) => "-",
            (true, false) => "e",
            (false, true) => "x",
            (true, true) => "a",
        })
    }
}

impl fmt::Display for Sharing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Copy => "copy",
            Self::Share => "share",
            Self::None => "none",
        })
    }
}

/// An argument that may be `-`.
struct Dash<T>(Option<T>);

impl<T: fmt::Display> fmt::Display for Dash<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(argument) => argument.fmt(f),
            None => f.write_str("-"),
        }
    }
}
