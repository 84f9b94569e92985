//! Reads scenarios from text, line by line, and accepts nothing that the format does not allow:
//! a scenario that is understood halfway would print a wrong log and blame the kernel.
//!
//! The formats are described in the READMEs of the corpora.

mod malformed;
mod shape;
#[cfg(test)]
mod tests;

use core::marker::PhantomData;
use core::str::Split;

use heapless::String;

pub use self::malformed::{Allowed, Excerpt, Malformed, Numbers, Problem};
use self::shape::check_count;
pub use self::shape::{Arguments, Operation, Shape};
pub(crate) use self::shape::{shape, words};
use crate::op::Op;
use crate::scenario::{MAX_NAME, MAX_SLOTS, Scenario};

/// The scenarios of greenlets in a text, one after the other.
///
/// Ends after the first malformed line: what follows it could mean anything.
///
/// ```
/// use conformance::Scenarios;
///
/// let text = b"scenario hello\nslots 1\nscript 0\ncur\nend\n";
/// let scenario = Scenarios::new(text).next().unwrap().unwrap();
/// assert_eq!(scenario.name(), "hello");
///
/// let error = Scenarios::new(b"scenario hello\nslots 17\n").next().unwrap().unwrap_err();
/// assert_eq!(error.line, 2);
/// assert_eq!(error.to_string(), "17 slots: 1 to 16 are allowed");
/// ```
pub type Scenarios<'a> = Reader<'a, Op>;

/// The scenarios of a text, whose ops are `O`.
#[derive(Clone, Debug)]
pub struct Reader<'a, O> {
    /// What is not yet read; `None` behind the last line.
    rest: Option<&'a [u8]>,
    /// The number of the line that was read last, from 1.
    line: usize,
    ops: PhantomData<O>,
}

impl<'a, O: Operation> Reader<'a, O> {
    /// Starts to read at the first line of `text`.
    #[must_use]
    pub const fn new(text: &'a [u8]) -> Self {
        Self { rest: Some(text), line: 0, ops: PhantomData }
    }

    /// Returns how many lines were read so far: all that the text has, when there was nothing more in it.
    #[must_use]
    pub const fn lines_read(&self) -> usize {
        self.line
    }

    /// Returns the next line that says something: not empty, not a comment.
    fn line(&mut self) -> Result<Option<&'a str>, Problem> {
        while let Some(rest) = self.rest {
            let (line, rest) = match rest.iter().position(|&byte| byte == b'\n') {
                Some(end) => (&rest[..end], Some(&rest[end + 1..])),
                // An end of line at the end of the text starts no further line.
                None if rest.is_empty() => {
                    self.rest = None;
                    break;
                }
                None => (rest, None),
            };
            self.rest = rest;
            self.line += 1;
            let line = ascii(line)?;
            if !line.is_empty() && !line.starts_with('#') {
                return Ok(Some(line));
            }
        }
        Ok(None)
    }

    /// Reads one scenario, up to and with its `end`.
    fn scenario(&mut self) -> Result<Option<Scenario<O>>, Problem> {
        let Some(line) = self.line()? else {
            return Ok(None);
        };
        let started = self.line;
        let (word, rest) = split(line)?;
        if word != "scenario" {
            return Err(Problem::Outside { word: Excerpt::new(word) });
        }
        check_count("line", "scenario", "NAME", rest.clone())?;
        let name = name(only(rest))?;
        let unended = || Problem::Unended { name: name.clone(), line: started };

        let (word, rest) = split(self.line()?.ok_or_else(unended)?)?;
        if word != "slots" {
            return Err(Problem::NoSlots { word: Excerpt::new(word) });
        }
        check_count("line", "slots", "N", rest.clone())?;
        let mut scenario = Scenario::new(name.clone(), shape::slot_count(only(rest))?);
        if O::HAS_CHANNELS {
            let (word, rest) = split(self.line()?.ok_or_else(unended)?)?;
            if word != "channels" {
                return Err(Problem::NoChannels { word: Excerpt::new(word) });
            }
            check_count("line", "channels", "N", rest.clone())?;
            scenario.channels = shape::channel_count(only(rest))?;
        }
        let mut scripts = Scripts::default();
        loop {
            let (word, rest) = split(self.line()?.ok_or_else(unended)?)?;
            match word {
                "scenario" => {
                    return Err(Problem::Nested { name, line: started });
                }
                "slots" => return Err(Problem::SlotsAgain),
                "script" => scripts.start(rest, scenario.slots())?,
                "end" => {
                    check_count("line", "end", "", rest)?;
                    return Ok(Some(scenario));
                }
                _ => {
                    let unknown = || Problem::UnknownOp { word: Excerpt::new(word), ops: O::words() };
                    let shape = Shape::<O>::find(word).ok_or_else(unknown)?;
                    let script = scripts.current.ok_or(Problem::NoScript { op: shape.word })?;
                    let op = shape.read(rest, scenario.slots(), scenario.channels())?;
                    scenario.push(script, op).map_err(|_| Problem::LongScript { script })?;
                }
            }
        }
    }
}

impl<O: Operation> Iterator for Reader<'_, O> {
    type Item = Result<Scenario<O>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        self.scenario()
            .map_err(|problem| {
                self.rest = None;
                Malformed { line: self.line, problem }
            })
            .transpose()
    }
}

/// The scripts of a scenario that were started.
#[derive(Default)]
struct Scripts {
    /// The one that the next op belongs to.
    current: Option<u8>,
    seen: [bool; MAX_SLOTS],
}

impl Scripts {
    /// Reads what follows the word `script`.
    fn start(&mut self, rest: Split<'_, char>, slots: u8) -> Result<(), Problem> {
        check_count("line", "script", "S", rest.clone())?;
        let script = shape::slot(only(rest), slots)?;
        if core::mem::replace(&mut self.seen[usize::from(script)], true) {
            return Err(Problem::ScriptAgain { script });
        }
        self.current = Some(script);
        Ok(())
    }
}

/// Checks that a line is ASCII without carriage returns, comments included.
fn ascii(line: &[u8]) -> Result<&str, Problem> {
    match line.iter().position(|&byte| !byte.is_ascii() || byte == b'\r') {
        Some(at) if line[at] == b'\r' => Err(Problem::CarriageReturn { column: at + 1 }),
        Some(at) => Err(Problem::NotAscii { byte: line[at], column: at + 1 }),
        // ASCII is UTF-8.
        None => Ok(core::str::from_utf8(line).unwrap_or_default()),
    }
}

/// Splits a line into its first word and the others; no word is empty.
fn split(line: &str) -> Result<(&str, Split<'_, char>), Problem> {
    let mut column = 1;
    for word in line.split(' ') {
        if word.is_empty() {
            // The second of two spaces, the first of a line, or the last of one.
            return Err(Problem::StraySpace { column: column.min(line.len()) });
        }
        column += word.len() + 1;
    }
    let mut words = line.split(' ');
    Ok((words.next().unwrap_or_default(), words))
}

/// The only argument of a line that was [counted](check_count).
fn only(mut rest: Split<'_, char>) -> &str {
    rest.next().unwrap_or_default()
}

/// Reads the name of a scenario.
fn name(word: &str) -> Result<String<MAX_NAME>, Problem> {
    if !word.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_')) {
        return Err(Problem::NameCharacter { name: Excerpt::new(word) });
    }
    String::try_from(word).map_err(|_| Problem::LongName { length: word.len() })
}
