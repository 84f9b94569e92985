//! A guest's trial on a machine: it must end as its head says, and print its transcript.

use std::path::Path;

use crate::boot::Boot;
use crate::frames::Log;
use crate::guests::Guest;
use crate::machine::Machine;
use crate::tally::Tally;
use crate::verdict::{self, Ending};
use crate::{census, hits, symbolize, transcript};

/// The result of a trial.
#[derive(Debug)]
pub struct Tried {
    /// How many attempts the guest made, and how many failed.
    pub tally: Tally,
    /// `Ok`: the block of its [interrupted](hits) instructions, if its head says `hits`, else nothing. `Err`: what was
    /// wrong, with the command line that repeats it.
    pub outcome: Result<String, String>,
    /// Bytes of the deepest stack of its greenlets, if it was built to print that.
    pub deepest: Option<u64>,
}

impl Tried {
    /// The bytes of its deepest stack, if these are no more than the head of `guest` says.
    ///
    /// # Errors
    ///
    /// What is wrong, with the remedy.
    pub fn depth_within(&self, guest: &Guest) -> Result<u64, String> {
        let (name, limit) = (&guest.name, guest.directives.stack);
        match self.deepest {
            None => Err(format!("{name}: it does not say how deep its stacks were")),
            Some(deepest) if deepest > limit => Err(format!(
                "{name}: a greenlet took {deepest} bytes, the limit is {limit}: mend it, or `//@ stack: BYTES` in its head"
            )),
            Some(deepest) => Ok(deepest),
        }
    }
}

/// Boots `guest`, which was built as `elf`, and judges it by its head and its transcript.
#[must_use]
pub fn run(guest: &Guest, machine: &'static Machine, elf: &Path) -> Tried {
    let mut transcript = String::new();
    let outcome = judged(guest, machine, elf, &mut transcript);
    let deepest = transcript.lines().find_map(|line| {
        line.strip_prefix("# deepest stack: ")?.strip_suffix(" bytes")?.parse().ok() // the board's last note
    });
    Tried { tally: Tally::of_guest(&transcript, outcome.is_ok()), outcome, deepest }
}

/// [`run`], with the guest's output added to `transcript`.
fn judged(guest: &Guest, machine: &'static Machine, elf: &Path, transcript: &mut String) -> Result<String, String> {
    let expected = guest.transcript()?;
    let compare = |transcript: &str| {
        let at = guest.expected.display();
        transcript::compare(transcript, &expected).map_err(|difference| format!("{at}: {difference}"))
    };
    checked(guest, machine, elf, transcript, compare)
}

/// Boots `guest`, which must end as its head says, and keeps its transcript as the expected one. Returns
/// whether that has changed.
///
/// # Errors
///
/// What was wrong, with the command line that repeats it; what was kept is unchanged.
pub fn bless(guest: &Guest, machine: &'static Machine, elf: &Path) -> Result<bool, String> {
    let mut is_new = false;
    checked(guest, machine, elf, &mut String::new(), |transcript| {
        let text = transcript::without_notes(transcript);
        if text.is_empty() {
            return Err("it printed nothing that could be kept".to_owned());
        }
        is_new = guest.transcript().as_ref() != Ok(&text);
        if is_new { guest.keep(&text) } else { Ok(()) }
    })?;
    Ok(is_new)
}

/// Boots `guest`, adds its output to `transcript`, and calls `check` with that if it ended as its head says. Returns
/// the block of its interrupted instructions, if there is one.
fn checked(
    guest: &Guest,
    machine: &'static Machine,
    elf: &Path,
    transcript: &mut String,
    check: impl FnOnce(&str) -> Result<(), String>,
) -> Result<String, String> {
    let asked = &guest.directives;
    let log = Log::of(elf).map_err(|problem| format!("{problem:#}"))?;
    if log.is_some() != asked.logs {
        return Err(format!("{}: only what says `defmt` in its head logs with it, and does", elf.display()));
    }
    let path = log.as_ref().map(Log::path);
    let (counted, cores, limit) = (asked.counted, asked.cores, asked.limit);
    let boot = Boot { machine, elf, input: None, log: path, counted, cores, limit };
    let booted = if census::is_wanted() {
        census::run(&boot, |_| Ok(()))
    } else {
        boot.run(|_| Ok(())).map(|ended| (ended, None))
    };
    let (ended, census) = booted.map_err(|problem| format!("{problem:#}"))?;
    let judged = match (verdict::judge(machine, &ended), asked.ending) {
        (Ok(_), Ending::Pass) => Ok(()),
        (Ok(_), ending) => Err(format!("it passed, and its head says `exit: {}`", ending.name())),
        (Err(failure), ending) if failure.ending() == Some(ending) => Ok(()),
        (Err(failure), _) => Err(failure.to_string()),
    };
    *transcript += &transcript::text(&ended.output);
    let compared = || {
        if let Some(log) = &log {
            *transcript += &log.block().map_err(|problem| format!("{problem:#}"))?;
        }
        let block = if asked.hits { hits::block(elf, transcript) } else { Ok(String::new()) };
        let block = block.map_err(|problem| format!("{problem:#}"))?;
        *transcript += &block;
        check(transcript)?;
        Ok(block)
    };
    judged.and_then(|()| compared()).map_err(|problem| {
        let places = symbolize::block(elf, transcript);
        format!("{problem}\n{places}\n{}{}", census.unwrap_or_default(), boot.command_line())
    })
}
