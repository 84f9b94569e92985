//! What the greenlets of a guest did, and when: in the terminal, as a picture, as a report, and for Perfetto.
//!
//! The guest is built with a feature of the board, with which it [writes](parse) its transfers at its end, to a channel
//! other than that of its transcript. Instructions are counted, and each takes a nanosecond, so the same guest gives
//! the same picture.

mod lanes;
pub mod parse;
mod perfetto;
mod report;
mod svg;
mod tasks;
mod terminal;

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use self::lanes::Run;
use self::parse::Trace;
use crate::boot::{Boot, Input};
use crate::compile::{self, Profile};
use crate::frames::Log;
use crate::guests::Guest;
use crate::limit::Limit;
use crate::machine::Machine;
use crate::{process, verdict};

/// The most greenlets in a picture, which has at most a hundred times as many transfers. More could not be
/// distinguished.
const IN_A_PICTURE: usize = 60;

/// The feature of guests that write their transfers.
const FEATURE: &str = "timeline";
/// The feature of guests that also find the deepest use of each stack. Claims and releases take so much longer with it
/// that times are measured without it.
const WITH_STACKS: &str = "timeline-stacks";

/// Which outputs are made from a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// A graph in the terminal.
    pub terminal: bool,
    /// A picture in this file.
    pub svg: Option<PathBuf>,
    /// A report in this file.
    pub report: Option<PathBuf>,
    /// Chrome's trace events in this file.
    pub perfetto: Option<PathBuf>,
}

impl Wanted {
    /// Whether there is any output.
    #[must_use]
    pub fn anything(&self) -> bool {
        *self != Self::default()
    }

    /// Makes the outputs from `trace`, with the title `what`, and with the stacks from another run if they were
    /// `measured` in one. Returns the text to print.
    ///
    /// # Errors
    ///
    /// When a file cannot be written.
    pub fn make(&self, trace: &Trace, measured: Option<&Trace>, what: &str) -> Result<String> {
        let mut picture = Run::of(trace, IN_A_PICTURE);
        if let Some(measured) = measured {
            picture.measure(measured);
        }
        let mut said = String::new();
        if self.terminal {
            said += &terminal::draw(&Run::of(trace, usize::MAX));
        }
        let mut write = |file: &Option<PathBuf>, content: &dyn Fn() -> String| -> Result<()> {
            let Some(file) = file else { return Ok(()) };
            fs::write(file, content()).with_context(|| format!("cannot write {}", file.display()))?;
            said += &format!("{} is written\n", file.display());
            Ok(())
        };
        write(&self.svg, &|| svg::draw(&picture))?;
        write(&self.report, &|| report::draw(&picture, what))?;
        write(&self.perfetto, &|| perfetto::draw(&Run::of(trace, usize::MAX)))?;
        Ok(said)
    }
}

/// Builds `guest`, boots it, prints its transcript, and makes the `wanted` outputs from its transfers, also if it
/// fails. For a report it also boots another build, in which stacks are measured.
///
/// # Errors
///
/// When the guest does not build or fails, when it recorded nothing, and when a file cannot be written.
pub fn show(
    machine: &'static Machine,
    guest: &Guest,
    profile: Profile,
    limit: Option<Limit>,
    wanted: &Wanted,
) -> Result<()> {
    let limit = limit.unwrap_or(guest.directives.limit);
    let recorded = run(machine, guest, &build(machine, guest, profile, FEATURE)?, limit, |piece| {
        let mut out = io::stdout().lock();
        out.write_all(piece).and_then(|()| out.flush())
    })?;
    if let Some(logged) = &recorded.logged {
        print!("{logged}");
    }
    // The outputs come first: if the guest failed, they may show why.
    let made = recorded.trace.and_then(|trace| {
        let measured = if wanted.report.is_some() && !trace.has_marks {
            Some(run(machine, guest, &build(machine, guest, profile, WITH_STACKS)?, limit, |_| Ok(()))?.trace?)
        } else {
            None
        };
        wanted.make(&trace, measured.as_ref(), &guest.name)
    });
    if let Ok(made) = &made {
        print!("\n{made}");
    }
    verdict::judge(machine, &recorded.ended)?;
    made.map(drop)
}

/// Builds `guest` so that it writes its transfers: the file for [`run`].
///
/// # Errors
///
/// When it does not build.
pub fn recording(machine: &Machine, guest: &Guest, profile: Profile) -> Result<PathBuf> {
    build(machine, guest, profile, FEATURE)
}

fn build(machine: &Machine, guest: &Guest, profile: Profile, feature: &'static str) -> Result<PathBuf> {
    let names = BTreeSet::from([guest.name.clone()]);
    let mut built = compile::guests_with(feature, machine.code(), profile, &names)?;
    built.remove(&guest.name).with_context(|| format!("cargo built no guest `{}`", guest.name))
}

/// How a guest ended, and what it wrote in addition to its transcript.
#[derive(Debug)]
pub struct Recorded {
    /// How it ended.
    pub ended: process::Ended,
    /// Its transfers, at least one; or why there are none.
    pub trace: Result<Trace>,
    /// What it logged with defmt.
    pub logged: Option<String>,
}

/// Boots the file `elf` of `guest`, which is [`recording`], and passes the transcript to `seen` as it arrives.
///
/// # Errors
///
/// When QEMU cannot be run, `seen` fails, or what the guest logged is damaged.
pub fn run(
    machine: &'static Machine,
    guest: &Guest,
    elf: &Path,
    limit: Limit,
    seen: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<Recorded> {
    // A guest that logs has one channel for both.
    let (log, file) = (Log::of(elf)?, Input::plain(b"")?);
    let channel = log.as_ref().map_or(file.path(), Log::path);
    let cores = guest.directives.cores;
    let ended = Boot { machine, elf, input: None, log: Some(channel), counted: true, cores, limit }.run(seen)?;
    let bytes = fs::read(channel).with_context(|| format!("{} has written no trace", machine.qemu))?;
    let (before, written) = bytes.split_at(parse::find(&bytes).unwrap_or(bytes.len()));
    let logged = match &log {
        Some(log) => {
            fs::write(channel, before).with_context(|| format!("cannot write {}", channel.display()))?;
            Some(log.block()?)
        }
        None => None,
    };
    Ok(Recorded { ended, trace: read(&guest.name, written), logged })
}

/// The transfers that the guest `name` wrote.
fn read(name: &str, written: &[u8]) -> Result<Trace> {
    if written.is_empty() {
        bail!(
            "the guest `{name}` wrote no transfers: it did not come to its end, by a return, a panic or a fault. \
             `--timeout SECONDS` gives it longer; a limit is no end"
        );
    }
    let trace: Trace = String::from_utf8_lossy(written).parse().context("the trace of the guest is damaged")?;
    if trace.records.is_empty() {
        bail!(
            "the guest `{name}` recorded no transfer: let it call `board::record(main)` at the beginning of the closure \
             that `Tree::enter` runs, or `board::record(main.greenlet())` in that of `Hub::run`, as the guests `tour` and \
             `hub` do"
        );
    }
    Ok(trace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_without_transfers_names_the_remedy() {
        let said = |written: &[u8]| format!("{:#}", read("hello", written).unwrap_err());
        assert!(said(b"greenlet timeline 1\nend\t0\t0\tmarks\n").contains("`board::record(main)`"));
        assert!(said(b"").contains("`--timeout SECONDS`"));
        assert!(said(b"greenlet timeline 1\n1\tswitch").contains("is damaged: line 2: `1\tswitch`: 2 fields"));
    }
}
