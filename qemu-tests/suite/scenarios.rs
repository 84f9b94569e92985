//! The conformance corpus: every scenario of a family in one run, on the host and on bare metal,
//! and every log compared byte for byte with the one that Python's greenlet printed.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use libtest_mimic::Failed;
use qemu_tests::compile::Profile;
use qemu_tests::conformance::{self, Bundle, GUEST, Place};
use qemu_tests::logs::{Sinks, difference};
use qemu_tests::places;
use qemu_tests::tally::Tally;
use qemu_tests::tools::Needs;

use crate::Case;
use crate::builds::{self, Builds};

/// The families of the corpus.
const FAMILIES: [&str; 4] = ["core", "ctx", "drop", "trace"];

/// Where they run.
pub(crate) const PLACES: [&str; 3] = ["host", "aarch64", "x86_64"];

/// A test for each family, place and profile.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for family in FAMILIES {
        for place in PLACES.iter().filter_map(|name| Place::named(name)) {
            for profile in [Profile::Debug, Profile::Release] {
                let mut needs = Needs::default();
                place.needs(&mut needs);
                let name = format!("conformance::{place}::{family}::{profile}");
                let guests = builds::of_place(GUEST, place, profile);
                cases.push(Case::new(name, needs, move || run(family, place, profile)).with_guests(guests));
            }
        }
    }
    cases
}

/// Runs a family and compares its logs.
fn run(family: &str, place: Place, profile: Profile) -> Result<(), Failed> {
    /// How many differences a message shows.
    const SHOWN: usize = 5;
    let files = scenarios(&places::corpus().join(family))?;
    let bundle = Bundle::read(&files)?;
    if bundle.names().len() != files.len() {
        return Err(format!("{} scenarios in {} files; each has one", bundle.names().len(), files.len()).into());
    }
    let ran = conformance::run(place, &program(place, profile)?, &bundle, Collected::default())?;

    let mut differences = Vec::new();
    for (index, file) in files.iter().enumerate() {
        let expected = fs::read_to_string(file.with_extension("log"))?;
        let name = file.file_stem().unwrap_or_default().display();
        match ran.sinks.logs.get(index).map(|log| String::from_utf8_lossy(log)) {
            None => differences.push(format!("{name}: no log")),
            Some(log) if log != expected => differences.push(format!("{name}: {}", difference(&expected, &log))),
            Some(_) => {}
        }
    }
    let mut tally = Tally { attempts: files.len() as u64, failures: differences.len() as u64 };
    if ran.failure.is_some() {
        tally.failures = tally.failures.max(1);
    }
    println!("{}", tally.line(format_args!("conformance::{place}::{family}::{profile}")));
    if tally.failures == 0 {
        return Ok(());
    }
    let agreed = files.len() - differences.len();
    let mut message = vec![format!("{agreed} of {} logs agree", files.len())];
    message.extend(ran.failure);
    message.extend(differences.into_iter().take(SHOWN));
    message.push(String::from_utf8_lossy(&ran.sinks.aside).into_owned());
    Err(message.join("\n").into())
}

/// The program that runs scenarios, built once.
fn program(place: Place, profile: Profile) -> Result<PathBuf, Failed> {
    static HOSTED: Builds<PathBuf> = Builds::new();
    match place {
        Place::Host => HOSTED.get("host", profile, || conformance::build(place, profile)),
        Place::Machine(machine) => builds::Guest::new(GUEST, machine.target, profile).file(),
    }
}

/// The scenario files of a folder, each of which has its log beside it, and the other way round.
fn scenarios(folder: &Path) -> Result<Vec<PathBuf>, Failed> {
    let (mut scenarios, mut logs) = (BTreeSet::new(), BTreeSet::new());
    for entry in fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let path = entry?.path();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("scn") => scenarios.insert(path.with_extension("")),
            Some("log") => logs.insert(path.with_extension("")),
            _ => return Err(format!("{} is neither a scenario nor a log", path.display()).into()),
        };
    }
    if let Some(alone) = scenarios.symmetric_difference(&logs).next() {
        return Err(format!("{}: a scenario without a log, or a log without a scenario", alone.display()).into());
    }
    if scenarios.is_empty() {
        return Err(format!("no scenario in {}", folder.display()).into());
    }
    Ok(scenarios.into_iter().map(|path| path.with_extension("scn")).collect())
}

/// The logs of a run, one by one, and everything else.
#[derive(Default)]
pub(crate) struct Collected {
    pub(crate) logs: Vec<Vec<u8>>,
    pub(crate) aside: Vec<u8>,
}

impl Sinks for Collected {
    fn log(&mut self, line: &[u8]) -> io::Result<()> {
        if line.starts_with(b"scenario ") {
            self.logs.push(Vec::new());
        }
        // A log begins with that line, so there is one.
        self.logs.last_mut().into_iter().for_each(|log| log.extend_from_slice(line));
        Ok(())
    }

    fn aside(&mut self, line: &[u8]) -> io::Result<()> {
        self.aside.extend_from_slice(line);
        Ok(())
    }
}
