//! Parses the transfers that a guest wrote, line by line, to a [`Trace`].
//!
//! The format is that of the board: see `qemu-tests/board/src/timeline.rs`; of steps that of the guest, see
//! `qemu-tests/guests/src/bin/hub/recorder.rs`.

use std::str::FromStr;

use anyhow::{Context, Result, bail, ensure};

/// The line with which a trace begins.
const HEAD: &str = "greenlet timeline 1\n";

/// A greenlet, or the main greenlet of a core.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Key {
    /// The core that its tree runs on.
    pub core: u32,
    /// Its id; `None` for main.
    pub id: Option<u64>,
}

/// A greenlet of a record: which, and its name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Party {
    /// Which it is.
    pub key: Key,
    /// Its name, empty if it has none.
    pub name: String,
}

/// A transfer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    /// When the target had control, in nanoseconds.
    pub time: u64,
    /// Whether an error or an exit was sent, and no value.
    pub is_throw: bool,
    /// The greenlet that sent.
    pub origin: Party,
    /// The greenlet that received.
    pub target: Party,
    /// Whether it was the end of the origin's body.
    pub ends: bool,
    /// Bytes of the origin's stack in use; of a dead one the most that it used, or 0 if that was not measured.
    pub in_use: u32,
    /// Bytes of its whole stack; 0 for main.
    pub stack: u32,
}

/// A step of a hub's task.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step {
    /// When; of a wake, when it was made.
    pub time: u64,
    /// The task; of a sleep, the one on whose stack the core sleeps.
    pub task: Party,
    /// What it does.
    pub what: What,
}

/// What a hub's task does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum What {
    /// It begins to wait, for this.
    Waits(String),
    /// A task of the hub makes it ready.
    WokenBy(Key),
    /// Something else makes it ready: an interrupt, the timer, another core.
    WokenFrom(String),
    /// It begins to run, or goes on.
    Runs,
    /// The core sleeps.
    Sleeps,
    /// It sleeps no more.
    Awake,
}

/// A whole trace.
#[derive(Debug, Eq, PartialEq)]
pub struct Trace {
    /// The transfers of a core in the order in which they happened, one core after the other.
    pub records: Vec<Record>,
    /// The steps of the tasks of a hub, in the order in which the hub saw them.
    pub steps: Vec<Step>,
    /// Whether older steps are missing.
    pub lost_steps: bool,
    /// How many transfers are missing.
    pub lost: u64,
    /// Whether the bytes of a dead greenlet are the most that it used.
    pub has_marks: bool,
}

/// Where the trace begins in `bytes`. The log of the guest may precede it.
#[must_use]
pub fn find(bytes: &[u8]) -> Option<usize> {
    bytes.windows(HEAD.len()).position(|part| part == HEAD.as_bytes())
}

impl FromStr for Trace {
    type Err = anyhow::Error;

    /// Reads a trace, which must be complete to its last line.
    fn from_str(text: &str) -> Result<Self> {
        let lines = text.strip_prefix(HEAD).with_context(|| format!("it does not begin with `{}`", HEAD.trim_end()))?;
        let (mut records, mut steps, mut lost_steps) = (Vec::new(), Vec::new(), false);
        let mut lines = lines.lines().zip(2..);
        for (line, number) in &mut lines {
            if line.starts_with("end\t") {
                let (written, happened, has_marks) = end(line).with_context(|| format!("line {number}: `{line}`"))?;
                ensure!(
                    written == records.len() as u64 && happened >= written,
                    "line {number}: there are {} transfers, not {written} of {happened}",
                    records.len()
                );
                ensure!(lines.next().is_none(), "line {}: something follows the end", number + 1);
                return Ok(Self { records, steps, lost_steps, lost: happened - written, has_marks });
            }
            if line.starts_with("hub\t") {
                lost_steps = all_steps(line, steps.len()).with_context(|| format!("line {number}: `{line}`"))?;
                continue;
            }
            if line.matches('\t').count() == 6 {
                steps.push(step(line).with_context(|| format!("line {number}: `{line}`"))?);
                continue;
            }
            records.push(record(line).with_context(|| format!("line {number}: `{line}`"))?);
        }
        bail!("it is cut short, after {} transfers", records.len())
    }
}

fn record(line: &str) -> Result<Record> {
    let fields: Vec<_> = line.split('\t').collect();
    let [time, event, core, origin, state, in_use, stack, target, origin_name, target_name] = fields[..] else {
        bail!("{} fields, not 10", fields.len());
    };
    let core = number(core, "the core")?;
    let party = |id: &str, name: &str| -> Result<_> {
        let id = if id == "main" { None } else { Some(number(id, "the id")?) };
        Ok(Party { key: Key { core, id }, name: unescaped(name)? })
    };
    Ok(Record {
        time: number(time, "the time")?,
        is_throw: match event {
            "switch" => false,
            "throw" => true,
            other => bail!("no event is called `{other}`"),
        },
        origin: party(origin, origin_name)?,
        target: party(target, target_name)?,
        ends: match state {
            "dead" => true,
            "unstarted" | "running" | "suspended" => false,
            other => bail!("no state is called `{other}`"),
        },
        in_use: number(in_use, "the bytes in use")?,
        stack: number(stack, "the bytes of the stack")?,
    })
}

fn step(line: &str) -> Result<Step> {
    let fields: Vec<_> = line.split('\t').collect();
    let [time, step, core, task, what, on, name] = fields[..] else { bail!("{} fields, not 7", fields.len()) };
    let core = number(core, "the core")?;
    let id = |id: &str| if id == "main" { Some(None) } else { id.parse().ok().map(Some) };
    let key = |text: &str| id(text).map(|id| Key { core, id });
    let what = match step {
        "waits" => What::Waits(format!("{what} {}", unescaped(on)?).trim_end().to_owned()),
        "ready" => key(what).map_or_else(|| What::WokenFrom(what.to_owned()), What::WokenBy),
        "runs" => What::Runs,
        "sleeps" => What::Sleeps,
        "awake" => What::Awake,
        other => bail!("no step is called `{other}`"),
    };
    let key = key(task).with_context(|| format!("the id is no number that fits: `{task}`"))?;
    Ok(Step { time: number(time, "the time")?, task: Party { key, name: unescaped(name)? }, what })
}

/// Whether there may be older steps than the `read` ones.
fn all_steps(line: &str, read: usize) -> Result<bool> {
    let fields: Vec<_> = line.split('\t').collect();
    let [_, written, kept] = fields[..] else { bail!("{} fields, not 3", fields.len()) };
    let written: usize = number(written, "the number of steps")?;
    ensure!(written == read, "there are {read} steps, not {written}");
    Ok(written >= number(kept, "the number that is kept")?)
}

fn end(line: &str) -> Result<(u64, u64, bool)> {
    let fields: Vec<_> = line.split('\t').collect();
    let [_, written, happened, bytes] = fields[..] else { bail!("{} fields, not 4", fields.len()) };
    let has_marks = match bytes {
        "marks" => true,
        "lower-bounds" => false,
        other => bail!("`{other}` says nothing about stacks"),
    };
    Ok((number(written, "the number of transfers")?, number(happened, "the number that happened")?, has_marks))
}

fn number<T: FromStr>(text: &str, what: &str) -> Result<T> {
    text.parse().ok().with_context(|| format!("{what} is no number that fits: `{text}`"))
}

/// A name, which was escaped by `escape_default`.
fn unescaped(name: &str) -> Result<String> {
    let mut plain = String::new();
    let mut rest = name.chars();
    while let Some(next) = rest.next() {
        if next != '\\' {
            plain.push(next);
            continue;
        }
        plain.push(match rest.next() {
            Some('t') => '\t',
            Some('n') => '\n',
            Some('r') => '\r',
            Some(same @ ('\\' | '\'' | '"')) => same,
            Some('u') => {
                let escaped = rest.as_str().strip_prefix('{').and_then(|digits| digits.split_once('}'));
                let (digits, after) = escaped.context("`\\u` without its braces")?;
                rest = after.chars();
                let code = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
                code.with_context(|| format!("no letter has the code `{digits}`"))?
            }
            other => bail!("no escape is `\\{}`", other.unwrap_or(' ')),
        });
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "greenlet timeline 1\n\
                         10\tswitch\t0\tmain\tsuspended\t0\t0\t1\t\tp\\u{e4}\\t\\\"\n\
                         20\tthrow\t0\t1\tdead\t832\t16384\tmain\tp\\u{e4}\\t\\\"\t\n\
                         end\t2\t5\tmarks\n";

    #[test]
    fn a_trace_is_read() {
        let trace: Trace = TRACE.parse().unwrap();
        assert_eq!((trace.records.len(), trace.lost, trace.has_marks), (2, 3, true));
        let key = |id| Key { core: 0, id };
        let expected = Record {
            time: 20,
            is_throw: true,
            origin: Party { key: key(Some(1)), name: "pä\t\"".to_owned() },
            target: Party { key: key(None), name: String::new() },
            ends: true,
            in_use: 832,
            stack: 16384,
        };
        assert_eq!(trace.records[1], expected);
        assert_eq!(trace.records[0].target, expected.origin);
    }

    #[test]
    fn it_is_found_after_other_things() {
        let logged = [b"\x03\x00frames\x00", TRACE.as_bytes()].concat();
        assert_eq!((find(&logged), find(TRACE.as_bytes()), find(b"greenlet timeline")), (Some(9), Some(0), None));
    }

    #[test]
    fn an_empty_trace_is_one() {
        let trace: Trace = "greenlet timeline 1\nend\t0\t0\tlower-bounds\n".parse().unwrap();
        assert_eq!(trace, Trace { records: vec![], steps: vec![], lost_steps: false, lost: 0, has_marks: false });
    }

    #[test]
    fn what_is_corrupt_is_refused_with_its_line() {
        let with = |from: &str, to: &str| TRACE.replacen(from, to, 1);
        for (text, problem) in [
            (String::new(), "does not begin with"),
            (with("timeline 1", "timeline 2"), "does not begin with"),
            (with("end\t2\t5\tmarks\n", ""), "cut short, after 2"),
            (TRACE[..60].to_owned(), "line 2: "),
            (with("10\tswitch", "10\tjump"), "line 2: `10\tjump"),
            (with("10\tswitch", "\tswitch"), "the time is no number that fits: ``"),
            (with("10\tswitch", "-1\tswitch"), "no number that fits: `-1`"),
            (with("16384", "4294967296"), "line 3: "),
            (with("dead", "asleep"), "no state is called `asleep`"),
            (with("\tmain\tp", "\tmein\tp"), "the id is no number that fits: `mein`"),
            (with("\\t\\\"\n", "\\q\n"), "no escape is `\\q`"),
            (with("\\u{e4}", "\\u{d800}"), "no letter has the code `d800`"),
            (with("end\t2\t5", "end\t3\t5"), "there are 2 transfers, not 3 of 5"),
            (with("end\t2\t5", "end\t2\t1"), "not 2 of 1"),
            (with("marks", "mark"), "says nothing about stacks"),
            (format!("{TRACE}\n"), "line 5: something follows"),
        ] {
            let message = format!("{:#}", text.parse::<Trace>().unwrap_err());
            assert!(message.contains(problem), "{text}: {message}");
        }
    }

    /// Any bytes are refused or read: each line without one of its bytes, and with another one.
    #[test]
    fn no_damage_makes_the_reader_panic() {
        for at in 0..TRACE.len() {
            for byte in [&b""[..], b"\\", b"\t", b"\n", b"}", b"9"] {
                let damaged = [&TRACE.as_bytes()[..at], byte, &TRACE.as_bytes()[at + 1..]].concat();
                let _either = String::from_utf8_lossy(&damaged).parse::<Trace>();
            }
        }
    }
}
