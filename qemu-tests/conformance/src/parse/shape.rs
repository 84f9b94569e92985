//! How ops are written: their names, their arguments and how each is read.

use core::str::Split;

use super::malformed::{Allowed, Excerpt, Numbers, Problem};
use crate::scenario::{Catch, MAX_CHANNELS, MAX_NUMBER, MAX_SLOTS};

/// What stands in scripts.
pub trait Operation: Copy + 'static {
    /// Every op of the format.
    const SHAPES: &'static [Shape<Self>];
    /// Whether a scenario says how many channels it has.
    const HAS_CHANNELS: bool;

    /// Returns the first word of every op.
    #[must_use]
    fn words() -> &'static [&'static str];
}

/// How an op is written.
#[derive(Debug)]
pub struct Shape<O> {
    /// Its first word.
    pub(super) word: &'static str,
    /// The letters of its arguments, as in the README of the corpus, with a space between two.
    takes: &'static str,
    read: Read<O>,
}

type Read<O> = fn(&mut Arguments<'_>) -> Result<O, Problem>;

pub(crate) const fn shape<O>(word: &'static str, takes: &'static str, read: Read<O>) -> Shape<O> {
    Shape { word, takes, read }
}

/// Returns the first words of ops.
pub(crate) const fn words<O, const COUNT: usize>(shapes: &[Shape<O>; COUNT]) -> [&'static str; COUNT] {
    let mut words = [""; COUNT];
    let mut at = 0;
    while at < COUNT {
        words[at] = shapes[at].word;
        at += 1;
    }
    words
}

impl<O: Operation> Shape<O> {
    /// Finds the op of that name.
    pub(super) fn find(word: &str) -> Option<&'static Self> {
        O::SHAPES.iter().find(|shape| shape.word == word)
    }

    /// Reads the op's arguments in a scenario that has so many slots and channels.
    pub(super) fn read(&self, words: Split<'_, char>, slots: u8, channels: u8) -> Result<O, Problem> {
        check_count("op", self.word, self.takes, words.clone())?;
        (self.read)(&mut Arguments { words, slots, channels })
    }
}

/// Checks that there are as many arguments as `takes` has letters.
pub(super) fn check_count(
    what: &'static str,
    word: &'static str,
    takes: &'static str,
    words: Split<'_, char>,
) -> Result<(), Problem> {
    let found = words.count();
    if found == takes.split_whitespace().count() {
        Ok(())
    } else {
        Err(Problem::Arguments { what, word, takes, found })
    }
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

/// Reads the number of channels of a scenario.
pub(super) fn channel_count(word: &str) -> Result<u8, Problem> {
    let channels = number(word, Allowed { numbers: Numbers::Channels, dash: false })?;
    match u8::try_from(channels) {
        Ok(small) if usize::from(small) <= MAX_CHANNELS => Ok(small),
        _ => Err(Problem::ChannelCount { channels }),
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
#[derive(Debug)]
pub struct Arguments<'a> {
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
    pub(crate) fn slot(&mut self) -> Result<u8, Problem> {
        slot(self.word(), self.slots)
    }

    /// `S`: a slot other than main's.
    pub(crate) fn child(&mut self) -> Result<u8, Problem> {
        let allowed = Allowed { numbers: Numbers::Child { slots: self.slots }, dash: false };
        match slot_of(self.word(), self.slots, allowed)? {
            0 => Err(Problem::MainSlot { slots: self.slots }),
            slot => Ok(slot),
        }
    }

    /// `P`: a slot, or `-` for the current greenlet.
    pub(crate) fn parent(&mut self) -> Result<Option<u8>, Problem> {
        match self.word() {
            "-" => Ok(None),
            word => {
                let allowed = Allowed { numbers: Numbers::Slot { slots: self.slots }, dash: true };
                slot_of(word, self.slots, allowed).map(Some)
            }
        }
    }

    /// `C`: a number.
    pub(crate) fn number(&mut self) -> Result<u16, Problem> {
        number(self.word(), Allowed { numbers: Numbers::Any, dash: false })
    }

    /// `V` and `K`: a number, or `-` for none.
    pub(crate) fn optional(&mut self) -> Result<Option<u16>, Problem> {
        match self.word() {
            "-" => Ok(None),
            word => number(word, Allowed { numbers: Numbers::Any, dash: true }).map(Some),
        }
    }

    /// `H`: a channel.
    pub(crate) fn channel(&mut self) -> Result<u8, Problem> {
        let channels = self.channels;
        let channel = number(self.word(), Allowed { numbers: Numbers::Channel { channels }, dash: false })?;
        match u8::try_from(channel) {
            Ok(small) if small < channels => Ok(small),
            _ => Err(Problem::ChannelRange { channel, channels }),
        }
    }

    /// `F`: what the op catches.
    pub(crate) fn catch(&mut self) -> Result<Catch, Problem> {
        let known = [("-", false, false), ("e", true, false), ("x", false, true), ("a", true, true)];
        let known = known.map(|(word, errors, exits)| (word, Catch { errors, exits }));
        self.one_of("catch flag", "- e x or a", known)
    }

    /// One of a few words; `what` it is and which are `allowed` is for the message.
    pub(crate) fn one_of<T>(
        &mut self,
        what: &'static str,
        allowed: &'static str,
        known: impl IntoIterator<Item = (&'static str, T)>,
    ) -> Result<T, Problem> {
        let word = self.word();
        let found = known.into_iter().find(|(known, _)| *known == word);
        found.map(|(_, meaning)| meaning).ok_or_else(|| Problem::Choice { what, word: Excerpt::new(word), allowed })
    }
}
