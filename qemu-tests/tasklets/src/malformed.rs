//! What can be wrong with a scenario file, and the words for it: each message says what is wrong and what is allowed.

use core::fmt;

use heapless::String;

use crate::ops::SHAPES;
use crate::scenario::{MAX_NAME, MAX_OPS};

/// A line that the format does not allow. Displays without the line number, so that a caller can put `FILE:LINE:` before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The line, counted from 1. When the text ends too early, its last line.
    pub line: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are what the message of each problem shows")]
pub enum Problem {
    /// A byte outside ASCII, or a carriage return.
    Byte { byte: u8, column: usize },
    /// Two spaces, or a space at an end of the line.
    StraySpace,
    /// The text ends inside a scenario.
    Unended { name: String<MAX_NAME> },
    /// Another word than the one that must stand there.
    Word { word: String<24>, wanted: Wanted },
    /// A word with too many or too few arguments; `takes` are their letters.
    Arguments { word: &'static str, takes: &'static str, found: usize },
    /// A second script of one slot.
    ScriptAgain { script: u8 },
    /// One op too many.
    LongScript { script: u8 },
}

/// What must stand in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are what the message shows")]
pub enum Wanted {
    /// This very line.
    Line(&'static str),
    /// A name.
    Name,
    /// An op, or `script`, or `end`.
    Op,
    /// A number within bounds.
    Number { what: &'static str, low: u16, high: u16 },
    /// A channel, and the scenario has none.
    Channel,
    /// One of a few words.
    OneOf(&'static str),
}

impl Problem {
    pub(crate) fn wanted(word: &str, wanted: Wanted) -> Self {
        // Cut when it is long.
        let word = word.chars().take(24).collect();
        Self::Word { word, wanted }
    }
}

impl core::error::Error for Malformed {}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            Problem::Byte { byte: b'\r', column } => {
                write!(f, "carriage return in column {column}: a line ends with a line feed alone")
            }
            Problem::Byte { byte, column } => write!(f, "byte {byte:#04x} in column {column}: only ASCII is allowed"),
            Problem::StraySpace => f.write_str("stray space: words are separated by one space, none before or after"),
            Problem::Unended { name } => write!(f, "scenario {name:?} has no end: missing \"end\""),
            Problem::Word { word, wanted } => {
                write!(f, "{word:?} where ")?;
                match wanted {
                    Wanted::Line(line) => write!(f, "\"{line}\" must stand"),
                    Wanted::Name => write!(f, "a name must stand: 1 to {MAX_NAME} of a-z 0-9 _"),
                    Wanted::Op => {
                        f.write_str("an op must stand: script, end, ")?;
                        SHAPES.iter().try_for_each(|shape| write!(f, "{} ", shape.word))
                    }
                    Wanted::Number { what, low, high } => {
                        write!(f, "a {what} must stand: {low} to {high}, without leading zeros")
                    }
                    Wanted::Channel => f.write_str("a channel must stand, and this scenario has none"),
                    Wanted::OneOf(words) => write!(f, "one of these must stand: {words}"),
                }
            }
            Problem::Arguments { word, takes: "", found } => write!(f, "\"{word}\" takes no arguments, found {found}"),
            Problem::Arguments { word, takes, found } => write!(f, "\"{word}\" takes {takes}, found {found} arguments"),
            Problem::ScriptAgain { script } => write!(f, "second script {script}: each slot has at most one"),
            Problem::LongScript { script } => write!(f, "script {script} has {} ops: {MAX_OPS} at most", MAX_OPS + 1),
        }
    }
}
