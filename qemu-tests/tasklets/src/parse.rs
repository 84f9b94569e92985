//! Reads scenarios from text, line by line, and accepts nothing that the format does not allow: a scenario that is understood
//! halfway would print a wrong log and blame the scheduler.

use core::str::Split;

use crate::malformed::{Malformed, Problem, Wanted};
use crate::ops::{self, SHAPES};
use crate::scenario::{MAX_CHANNELS, MAX_NAME, MAX_SLOTS, Scenario};

/// The scenarios of a text, one after the other. Ends after the first malformed line: what follows it could mean anything.
///
/// ```
/// use tasklets::Scenarios;
///
/// let text = b"scenario hello\nslots 1\nchannels 0\nscript 0\ncur\nend\n";
/// let scenario = Scenarios::new(text).next().unwrap().unwrap();
/// assert_eq!((scenario.name(), scenario.slots()), ("hello", 1));
///
/// let error = Scenarios::new(b"scenario hello\nslots 17\n").next().unwrap().unwrap_err();
/// assert_eq!(error.line, 2);
/// assert_eq!(error.to_string(), "\"17\" where a number of slots must stand: 1 to 16, without leading zeros");
/// ```
#[derive(Clone, Debug)]
pub struct Scenarios<'a> {
    /// What is not yet read; `None` when nothing more is to be read.
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

    /// How many lines were read so far.
    #[must_use]
    pub const fn lines_read(&self) -> usize {
        self.line
    }

    /// The next line that says something, its first word and the others.
    fn line(&mut self) -> Result<Option<(&'a str, Split<'a, char>)>, Problem> {
        while let Some(rest) = self.rest.filter(|rest| !rest.is_empty()) {
            let mut parts = rest.splitn(2, |&byte| byte == b'\n');
            let line = parts.next().unwrap_or_default();
            self.rest = parts.next();
            self.line += 1;
            if let Some(at) = line.iter().position(|&byte| !byte.is_ascii() || byte == b'\r') {
                return Err(Problem::Byte { byte: line[at], column: at + 1 });
            }
            // ASCII is UTF-8.
            let line = core::str::from_utf8(line).unwrap_or_default();
            if !line.is_empty() && !line.starts_with('#') {
                let mut words = line.split(' ');
                if words.clone().any(str::is_empty) {
                    return Err(Problem::StraySpace);
                }
                return Ok(Some((words.next().unwrap_or_default(), words)));
            }
        }
        Ok(None)
    }

    /// A line of the head: `word`, and one argument.
    fn head(&mut self, word: &'static str, line: &'static str, name: &str) -> Result<&'a str, Problem> {
        let Some((found, rest)) = self.line()? else {
            return Err(Problem::Unended { name: name.try_into().unwrap_or_default() });
        };
        if found == word { only(word, rest) } else { Err(Problem::wanted(found, Wanted::Line(line))) }
    }

    /// Reads one scenario, up to and with its `end`.
    fn scenario(&mut self) -> Result<Option<Scenario>, Problem> {
        let Some((word, rest)) = self.line()? else { return Ok(None) };
        if word != "scenario" {
            return Err(Problem::wanted(word, Wanted::Line("scenario NAME")));
        }
        let mut scenario = Scenario::empty();
        let name = only("scenario", rest)?;
        let allowed = name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        match name.try_into() {
            Ok(name) if allowed => scenario.name = name,
            _ => return Err(Problem::wanted(name, Wanted::Name)),
        }
        let slots = self.head("slots", "slots N", name)?;
        scenario.slots = ops::number(slots, 1, MAX_SLOTS as u16, "number of slots")? as u8;
        let channels = self.head("channels", "channels N", name)?;
        scenario.channels = ops::number(channels, 0, MAX_CHANNELS as u16, "number of channels")? as u8;
        self.scripts(&mut scenario)?;
        Ok(Some(scenario))
    }

    fn scripts(&mut self, scenario: &mut Scenario) -> Result<(), Problem> {
        let mut seen = [false; MAX_SLOTS];
        let mut script = None;
        while let Some((word, rest)) = self.line()? {
            match (word, script) {
                ("script", _) => {
                    let last = u16::from(scenario.slots - 1);
                    let slot = ops::number(only("script", rest)?, 0, last, "slot")?;
                    if core::mem::replace(&mut seen[usize::from(slot)], true) {
                        return Err(Problem::ScriptAgain { script: slot as u8 });
                    }
                    script = Some(slot);
                }
                ("end", _) => {
                    let found = rest.count();
                    let problem = Problem::Arguments { word: "end", takes: "", found };
                    return if found == 0 { Ok(()) } else { Err(problem) };
                }
                (_, None) => return Err(Problem::wanted(word, Wanted::Line("script S"))),
                (_, Some(slot)) => {
                    let shape = SHAPES.iter().find(|shape| shape.word == word);
                    let shape = shape.ok_or_else(|| Problem::wanted(word, Wanted::Op))?;
                    let op = shape.read(rest, scenario.slots, scenario.channels)?;
                    let full = Problem::LongScript { script: slot as u8 };
                    scenario.scripts[usize::from(slot)].push(op).map_err(|_| full)?;
                }
            }
        }
        Err(Problem::Unended { name: scenario.name.clone() })
    }
}

impl Iterator for Scenarios<'_> {
    type Item = Result<Scenario, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.scenario().map_err(|problem| {
            self.rest = None;
            Malformed { line: self.line, problem }
        });
        read.transpose()
    }
}

/// The one argument that a line has.
fn only<'a>(word: &'static str, mut rest: Split<'a, char>) -> Result<&'a str, Problem> {
    match (rest.next(), rest.next()) {
        (Some(argument), None) => Ok(argument),
        (first, _) => {
            let found = if first.is_none() { 0 } else { 2 + rest.count() };
            Err(Problem::Arguments { word, takes: "one argument", found })
        }
    }
}

const _: () = assert!(MAX_NAME < 64);
