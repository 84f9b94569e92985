//! Measures, prints, keeps and compares the sizes of programs with greenlets, and the RAM of a greenlet.
//!
//! The programs are in `qemu-tests/sizes`. Each is built like small firmware, twice optimized for size and once for
//! speed. Its sections are read from its file, and it is booted: the size of a program that does not work does not
//! count. Two of them print figures of their own. The figures of a machine are [kept](crate::figures) beside the
//! programs.

mod programs;
mod sections;
mod tables;

pub use self::tables::{TABLES, Table, not_free};

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use self::programs::{FOUR, PROGRAMS, Prints, Program};
use crate::boot::Boot;
use crate::compile::{self, Built, Profile};
use crate::figures::{self, Figures, Form};
use crate::limit::Limit;
use crate::machine::{GuestExit, MICROBIT, Machine, ONE_OF_EACH, OTHERS};
use crate::process::Status;
use crate::tools::{self, Needs};
use crate::{places, transcript};

/// How sizes are kept.
pub static FORM: Form = Form { word: "size", unit: "bytes", command: "cargo xtask sizes", room: 64 };

/// The limit of a boot: a hundred times the time that it needs.
const LIMIT: Limit = Limit::of_silence(Duration::from_secs(20));

/// The features whose sizes are not kept: those of one instruction set, and that of hosted programs.
const ELSEWHERE: [&str; 3] = ["stack-limit", "std", "supervisor-mode"];

/// A program that was built.
#[derive(Debug)]
pub struct Build {
    program: &'static Program,
    profile: Profile,
    feature: Option<String>,
    elf: PathBuf,
}

/// Which programs are built.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Extent {
    /// At opt-level `s`, as most small firmware is, and without features: a minute.
    Usual,
    /// Also at opt-level `3`: all that is kept of [other](OTHERS) machines.
    Plain,
    /// At each opt-level, with and without each feature: some two hundred programs.
    Whole,
}

/// The bytes of `.text` of a program.
///
/// # Errors
///
/// When the file cannot be read, or has none.
pub fn text_of(elf: &Path) -> Result<u64> {
    sections::text_of(elf)
}

/// Builds programs for `machine`: with a cargo call for each profile without features, and one for each with each
/// feature.
///
/// # Errors
///
/// When one does not build.
pub fn build(machine: &Machine, extent: Extent) -> Result<Vec<Build>> {
    let (profiles, features) = match extent {
        Extent::Usual => (vec![Profile::Small], Vec::new()),
        Extent::Plain => (vec![Profile::Small, Profile::Release], Vec::new()),
        Extent::Whole => (vec![Profile::Small, Profile::Least, Profile::Release, Profile::Debug], compile::features()?),
    };
    let features = features.into_iter().filter(|feature| !ELSEWHERE.contains(&feature.as_str()));
    let variants: Vec<_> = [None].into_iter().chain(features.map(Some)).collect();
    let mut builds = Vec::new();
    for profile in profiles {
        for feature in &variants {
            // The guest `hub` has the same crates as the program of that name.
            let is_wanted = |it: &&Program| it.is_wanted(profile, feature.as_deref()) && machine.boots(it.name, false);
            let wanted: Vec<_> = PROGRAMS.iter().filter(is_wanted).collect();
            if wanted.is_empty() {
                continue;
            }
            let names: BTreeSet<_> = wanted.iter().map(|program| program.name).collect();
            let mut built: Built = compile::sizes(machine.target, profile, feature.as_deref(), &names)?;
            for program in wanted {
                let elf = built.remove(program.name);
                let elf = elf.with_context(|| format!("cargo built no program `{}`", program.name))?;
                let elf = set_aside(&elf, feature.as_deref().unwrap_or("plain"))?;
                builds.push(Build { program, profile, feature: feature.clone(), elf });
            }
        }
    }
    Ok(builds)
}

/// Builds the program with four greenlets in 4 KiB of RAM for a Cortex-M0, and boots it there. Returns what it prints.
///
/// # Errors
///
/// When it does not fit, so that it is not linked, or when it fails.
pub fn four(profile: Profile) -> Result<String> {
    let mut built = compile::sizes(MICROBIT.target, profile, None, &BTreeSet::from([FOUR.name]))?;
    let elf = built.remove(FOUR.name).context("cargo built no such program")?;
    Build { program: &FOUR, profile, feature: None, elf }.boot(&MICROBIT)
}

/// Copies a file to a place where the next call of cargo, with another feature, does not replace it.
fn set_aside(elf: &Path, variant: &str) -> Result<PathBuf> {
    let copy = elf.with_extension(variant);
    fs::copy(elf, &copy).with_context(|| format!("cannot write {}", copy.display()))?;
    Ok(copy)
}

impl Build {
    /// The second part of the names of its figures: the build.
    fn suffix(&self) -> String {
        let level = match self.profile {
            Profile::Debug => "0",
            Profile::Release => "3",
            Profile::Small => "s",
            Profile::Least => "z",
        };
        match &self.feature {
            // A program that needs a feature is always built with it.
            Some(feature) if self.program.feature.is_none() => format!(" with {feature}, opt-level {level}"),
            _ => format!(", opt-level {level}"),
        }
    }

    /// Boots it and returns what it prints; it must end with its code.
    fn boot(&self, machine: &'static Machine) -> Result<String> {
        let boot = Boot { machine, elf: &self.elf, input: None, log: None, counted: false, cores: 1, limit: LIMIT };
        let ended = boot.run(|_| Ok(()))?;
        let passed = GuestExit::Code(self.program.returns);
        let came = match ended.status {
            Status::Exited(status) if machine.decode(status) == passed => {
                // A Cortex-M prints by semihosting, and QEMU to standard error.
                let printed = [&ended.output, &ended.errors].into_iter().find(|printed| !printed.is_empty());
                return Ok(printed.map(|printed| transcript::text(printed)).unwrap_or_default());
            }
            Status::Exited(status) => format!("{:?}", machine.decode(status)),
            other => format!("{other:?}"),
        };
        let (name, suffix, command) = (self.program.name, self.suffix(), boot.command_line());
        bail!("{name}{suffix}, on {machine}, ended with {came} and not with {passed:?}:\n  {command}")
    }
}

/// The figures of `machine`, of the programs that were [built](build) for it.
///
/// # Errors
///
/// When a program does not end as it should, or its file cannot be read.
pub fn measure(machine: &'static Machine, builds: &[Build]) -> Result<Figures> {
    let mut figures = Vec::new();
    for build in builds {
        let suffix = build.suffix();
        let printed = build.boot(machine)?;
        match build.program.prints {
            Prints::Figures => {
                let printed = figures::lines("figure", &printed)?;
                ensure!(!printed.is_empty(), "{}{suffix} prints no line `figure NAME N`", build.program.name);
                figures.extend(printed.into_iter().map(|(name, figure)| (format!("{name}{suffix}"), figure)));
            }
            Prints::Nothing => {
                let sections = sections::of(&build.elf)?;
                figures.extend(
                    sections.map(|(section, bytes)| (format!("{}{suffix}, {section}", build.program.name), bytes)),
                );
            }
        }
    }
    Figures::of_now(&FORM, figures)
}

/// The machines whose sizes are kept, and of which programs.
pub fn kept() -> impl Iterator<Item = (&'static Machine, Extent)> {
    let of = |machines: &'static [&Machine], extent| machines.iter().map(move |&machine| (machine, extent));
    of(&ONE_OF_EACH, Extent::Whole).chain(of(&OTHERS, Extent::Plain))
}

/// Prints the tables of all sizes. With `bless`, keeps them for the suite to compare, and writes them into the
/// documents.
///
/// # Errors
///
/// When something does not build, does not work, or cannot be written.
pub fn show(bless: bool) -> Result<()> {
    let mut needs = Needs::default();
    kept().for_each(|(machine, _)| needs.machine(machine));
    tools::ensure(&needs)?;
    let mut all = Vec::new();
    for (machine, extent) in kept() {
        let now = measure(machine, &build(machine, extent)?)?;
        if bless {
            now.keep(&places::sizes_of(machine))?;
            println!("kept: {}", places::sizes_of(machine).display());
        }
        all.push((machine, now));
    }
    for (machine, figures) in &all {
        println!(
            "\n{machine}: bytes of {}, then figures that programs print\n{}",
            sections::MEASURED.join(" "),
            listing(figures)
        );
    }
    for table in &TABLES {
        println!("\n{}", table.of(&all)?);
        if bless {
            table.write(&all)?;
            println!("written: {}", table.file().display());
        }
    }
    Ok(())
}

/// All figures: a line for the sections of each build of a program, and one for each other figure.
fn listing(figures: &Figures) -> String {
    let mut lines = Vec::<(&str, String)>::new();
    for (name, bytes) in figures.iter() {
        let section = sections::MEASURED.iter().find_map(|section| name.strip_suffix(section)?.strip_suffix(", "));
        let what = section.unwrap_or(name);
        match lines.last_mut() {
            Some((last, figures)) if *last == what => *figures += &format!("{bytes:8}"),
            _ => lines.push((what, format!("{bytes:8}"))),
        }
    }
    lines.iter().map(|(what, figures)| format!("  {what:66}{figures}\n")).collect()
}
