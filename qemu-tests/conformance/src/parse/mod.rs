//! Reads scenarios from text, line by line, and accepts nothing that the format does not allow:
//! a scenario that is understood halfway would print a wrong log and blame the kernel.
//!
//! The format is described in `corpus/README.md`.

mod malformed;
mod ops;
#[cfg(test)]
mod tests;

use core::str::Split;

use heapless::String;

pub use self::malformed::{Allowed, Excerpt, Malformed, Numbers, Problem};
use self::ops::{Shape, check_count};
use crate::scenario::{MAX_NAME, MAX_SLOTS, Scenario};

/// The scenarios of a text, one after the other.
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
#[derive(Clone, Debug)]
pub struct Scenarios<'a> {
    /// What is not yet read; `None` behind the last line.
    rest: Option<&'a [u8]>,
    /// The number of the line that was read last, from 1.
    line: usize,
}

impl<'a> Scenarios<'a> {
    /// Starts to read at the first line of `text`.
    #[must_use]
    pub const fn new(text: &'a [u8]) -> Self {
        Self { rest: Some(text), line: 0 }
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
    fn scenario(&mut self) -> Result<Option<Scenario>, Problem> {
        let Some(line) = self.line()? else {
            return Ok(None);
        };
        let started = self.line;
        let (word, rest) = words(line)?;
        if word != "scenario" {
            return Err(Problem::Outside { word: Excerpt::new(word) });
        }
        check_count("scenario", "NAME", rest.clone())?;
        let name = rest.clone().next().map_or_else(|| Ok(String::new()), name)?;
        let unended = || Problem::Unended { name: name.clone(), line: started };

        let (word, rest) = words(self.line()?.ok_or_else(unended)?)?;
        if word != "slots" {
            return Err(Problem::NoSlots { word: Excerpt::new(word) });
        }
        let mut scenario = Scenario::new(name.clone(), slot_count(rest)?);
        let mut scripts = Scripts::default();
        loop {
            let (word, rest) = words(self.line()?.ok_or_else(unended)?)?;
            match word {
                "scenario" => {
                    return Err(Problem::Nested { name, line: started });
                }
                "slots" => return Err(Problem::SlotsAgain),
                "script" => scripts.start(rest, scenario.slots())?,
                "end" => {
                    check_count("end", "", rest)?;
                    return Ok(Some(scenario));
                }
                _ => {
                    let shape = Shape::find(word).ok_or_else(|| Problem::UnknownOp { word: Excerpt::new(word) })?;
                    let script = scripts.current.ok_or(Problem::NoScript { op: shape.word })?;
                    let op = shape.read(rest, scenario.slots())?;
                    scenario.push(script, op).map_err(|_| Problem::LongScript { script })?;
                }
            }
        }
    }
}

impl Iterator for Scenarios<'_> {
    type Item = Result<Scenario, Malformed>;

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
    fn start(&mut self, mut rest: Split<'_, char>, slots: u8) -> Result<(), Problem> {
        check_count("script", "S", rest.clone())?;
        let script = ops::slot(rest.next().unwrap_or_default(), slots)?;
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
fn words(line: &str) -> Result<(&str, Split<'_, char>), Problem> {
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

/// Reads the name of a scenario.
fn name(word: &str) -> Result<String<MAX_NAME>, Problem> {
    if !word.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_')) {
        return Err(Problem::NameCharacter { name: Excerpt::new(word) });
    }
    String::try_from(word).map_err(|_| Problem::LongName { length: word.len() })
}

/// Reads what follows the word `slots`.
fn slot_count(mut rest: Split<'_, char>) -> Result<u8, Problem> {
    check_count("slots", "N", rest.clone())?;
    ops::slot_count(rest.next().unwrap_or_default())
}
