//! What can be wrong with a scenario file, and the words for it: each message says what is wrong
//! and what is allowed.

use core::fmt;

use heapless::String;

use crate::scenario::{MAX_CHANNELS, MAX_NAME, MAX_NUMBER, MAX_OPS, MAX_SLOTS};

/// A line that the format does not allow.
///
/// Displays what is wrong and what is allowed, without the line number, so that a caller can put
/// `FILE:LINE:` before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The line, counted from 1. When the text ends too early, its last line.
    pub line: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a line. `word` is what stands there; lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are what the message of each problem shows")]
pub enum Problem {
    /// A byte outside ASCII.
    NotAscii { byte: u8, column: usize },
    /// A carriage return.
    CarriageReturn { column: usize },
    /// Two spaces, or a space at an end of the line.
    StraySpace { column: usize },
    /// Something else than `scenario` where a scenario must start.
    Outside { word: Excerpt },
    /// `scenario` inside a scenario.
    Nested { name: String<MAX_NAME>, line: usize },
    /// The text ends inside a scenario.
    Unended { name: String<MAX_NAME>, line: usize },
    /// A name that is too long.
    LongName { length: usize },
    /// A name with a character that is not allowed.
    NameCharacter { name: Excerpt },
    /// A word with too many or too few arguments; `takes` are their letters. It is `what`: an op, or the first word of
    /// a line.
    Arguments { what: &'static str, word: &'static str, takes: &'static str, found: usize },
    /// Something else than `slots` after the `scenario` line.
    NoSlots { word: Excerpt },
    /// A second `slots` line.
    SlotsAgain,
    /// A number of slots that is not allowed.
    SlotCount { slots: u16 },
    /// Something else than `channels` after the `slots` line.
    NoChannels { word: Excerpt },
    /// A number of channels that is not allowed.
    ChannelCount { channels: u16 },
    /// A second script of one slot.
    ScriptAgain { script: u8 },
    /// An op before the first `script` line.
    NoScript { op: &'static str },
    /// One op too many.
    LongScript { script: u8 },
    /// A word that is no op; these are.
    UnknownOp { word: Excerpt, ops: &'static [&'static str] },
    /// A word where a number must stand.
    NotNumber { word: Excerpt, allowed: Allowed },
    /// A number that starts with a zero.
    LeadingZeros { word: Excerpt, allowed: Allowed },
    /// A number beyond the largest one.
    TooLarge { word: Excerpt, allowed: Allowed },
    /// A slot that this scenario does not have.
    SlotRange { slot: u16, slots: u8 },
    /// Slot 0 where only other slots are allowed.
    MainSlot { slots: u8 },
    /// A channel that this scenario does not have.
    ChannelRange { channel: u16, channels: u8 },
    /// A word which is not one of a few.
    Choice { what: &'static str, word: Excerpt, allowed: &'static str },
}

/// What a number may be, where one must stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// Which numbers.
    pub numbers: Numbers,
    /// Whether `-` may stand there, too.
    pub dash: bool,
}

/// Which numbers are allowed in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// Any that the format has.
    Any,
    /// The number of slots of a scenario.
    Slots,
    /// A slot of a scenario that has `slots`.
    #[expect(missing_docs, reason = "said in the line above")]
    Slot { slots: u8 },
    /// The same, but not main's.
    #[expect(missing_docs, reason = "said in the line above")]
    Child { slots: u8 },
    /// The number of channels of a scenario.
    Channels,
    /// A channel of a scenario that has `channels`.
    #[expect(missing_docs, reason = "said in the line above")]
    Channel { channels: u8 },
}

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Any => write!(f, "0 to {MAX_NUMBER}"),
            Self::Slots => write!(f, "1 to {MAX_SLOTS}"),
            Self::Slot { slots: 1 } => f.write_str("a slot of this scenario, only 0"),
            Self::Slot { slots } => write!(f, "a slot of this scenario, 0 to {}", slots - 1),
            Self::Child { slots: 1 } => f.write_str("a slot other than 0, and this scenario has none"),
            Self::Child { slots: 2 } => f.write_str("a slot of this scenario other than 0, only 1"),
            Self::Child { slots } => write!(f, "a slot of this scenario other than 0, 1 to {}", slots - 1),
            Self::Channels => write!(f, "0 to {MAX_CHANNELS}"),
            Self::Channel { channels: 0 } => f.write_str("a channel, and this scenario has none"),
            Self::Channel { channels: 1 } => f.write_str("a channel of this scenario, only 0"),
            Self::Channel { channels } => write!(f, "a channel of this scenario, 0 to {}", channels - 1),
        }
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.numbers, if self.dash { ", or -" } else { "" })
    }
}

/// A word of the text, cut when it is long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    start: String<24>,
    cut: bool,
}

impl Excerpt {
    pub(super) fn new(word: &str) -> Self {
        let mut start = String::new();
        let cut = word.chars().any(|character| start.push(character).is_err());
        Self { start, cut }
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Quoted and escaped: a tab must not look like a space.
        write!(f, "{:?}{}", self.start.as_str(), if self.cut { "..." } else { "" })
    }
}

impl core::error::Error for Malformed {}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAscii { byte, column } => {
                write!(f, "byte {byte:#04x} in column {column}: only ASCII is allowed")
            }
            Self::CarriageReturn { column } => {
                write!(f, "carriage return in column {column}: a line ends with a line feed alone")
            }
            Self::StraySpace { column } => write!(
                f,
                "stray space in column {column}: words are separated by one space, \
                 none before the first or after the last"
            ),
            Self::Outside { word } => {
                write!(f, "{word} outside a scenario: one starts with \"scenario NAME\"")
            }
            Self::Nested { name, line } => write!(
                f,
                "\"scenario\" inside scenario {name:?} (line {line}): \
                 that one needs its \"end\" first"
            ),
            Self::Unended { name, line } => {
                write!(f, "scenario {name:?} (line {line}) has no end: missing \"end\"")
            }
            Self::LongName { length } => {
                write!(f, "name of {length} characters: 1 to {MAX_NAME} are allowed")
            }
            Self::NameCharacter { name } => write!(f, "name {name}: only a-z 0-9 _ are allowed"),
            Self::Arguments { what, word, takes, found } => arguments(f, what, word, takes, *found),
            Self::NoSlots { word } => {
                write!(f, "{word} before the slots: \"slots N\" must follow the scenario line")
            }
            Self::SlotsAgain => f.write_str("second \"slots\" line: one is allowed"),
            Self::SlotCount { slots } => write!(f, "{slots} slots: 1 to {MAX_SLOTS} are allowed"),
            Self::NoChannels { word } => {
                write!(f, "{word} before the channels: \"channels N\" must follow the slots line")
            }
            Self::ChannelCount { channels } => write!(f, "{channels} channels: 0 to {MAX_CHANNELS} are allowed"),
            Self::ScriptAgain { script } => {
                write!(f, "second script {script}: each slot has at most one")
            }
            Self::NoScript { op } => {
                write!(f, "op \"{op}\" outside a script: \"script S\" must come first")
            }
            Self::LongScript { script } => {
                write!(f, "script {script} has {} ops: {MAX_OPS} at most", MAX_OPS + 1)
            }
            Self::UnknownOp { word, ops } => unknown_op(f, word, ops),
            Self::NotNumber { word, allowed } => write!(f, "{word} is not a number: {allowed}"),
            Self::LeadingZeros { word, allowed } => {
                write!(f, "number {word} has leading zeros: without them, {allowed}")
            }
            Self::TooLarge { word, allowed } => write!(f, "number {word} is too large: {allowed}"),
            Self::SlotRange { slot, slots: 1 } => {
                write!(f, "slot {slot} out of range: this scenario has only slot 0")
            }
            Self::SlotRange { slot, slots } => {
                write!(f, "slot {slot} out of range: this scenario has slots 0 to {}", slots - 1)
            }
            Self::MainSlot { slots: 1 } => f.write_str(
                "slot 0 is the main greenlet: another one is needed here, \
                 and this scenario has only slot 0",
            ),
            Self::MainSlot { slots } => {
                write!(f, "slot 0 is the main greenlet: only slots 1 to {} are allowed here", slots - 1)
            }
            Self::ChannelRange { channel, channels: 0 } => {
                write!(f, "channel {channel} out of range: this scenario has none")
            }
            Self::ChannelRange { channel, channels: 1 } => {
                write!(f, "channel {channel} out of range: this scenario has only channel 0")
            }
            Self::ChannelRange { channel, channels } => {
                write!(f, "channel {channel} out of range: this scenario has channels 0 to {}", channels - 1)
            }
            Self::Choice { what, word, allowed } => {
                write!(f, "{what} {word} is not known: {allowed}")
            }
        }
    }
}

/// `op "sw" takes 3 arguments (T V F), found 2`
fn arguments(f: &mut fmt::Formatter<'_>, what: &str, word: &str, takes: &str, found: usize) -> fmt::Result {
    write!(f, "{what} \"{word}\" takes ")?;
    match takes.split_whitespace().count() {
        0 => f.write_str("no arguments")?,
        1 => write!(f, "1 argument ({takes})")?,
        count => write!(f, "{count} arguments ({takes})")?,
    }
    write!(f, ", found {found}")
}

/// `unknown op "swich": allowed are new, bare, ...`
fn unknown_op(f: &mut fmt::Formatter<'_>, word: &Excerpt, ops: &[&str]) -> fmt::Result {
    write!(f, "unknown op {word}: allowed are ")?;
    for op in ops {
        write!(f, "{op}, ")?;
    }
    f.write_str("and the lines script and end")
}
