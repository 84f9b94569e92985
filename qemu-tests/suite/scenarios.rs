//! The conformance corpus: every scenario of a family in one run, on the host and on bare metal,
//! and every log compared byte for byte with the one that Python's greenlet printed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use libtest_mimic::Failed;
use qemu_tests::compile::Profile;
use qemu_tests::conformance::{self, Bundle, EVERYWHERE, Place, Subject};
use qemu_tests::foreign;
use qemu_tests::hosted;
use qemu_tests::logs::{Sinks, difference};
use qemu_tests::machine::MACHINES;
use qemu_tests::places;
use qemu_tests::tally::Tally;
use qemu_tests::tools::Needs;

use crate::Case;
use crate::builds::{self, Builds};

/// The families of the corpus.
const FAMILIES: [&str; 4] = ["core", "ctx", "drop", "trace"];

/// Beside the places where all families run by default: one on a Cortex-M.
const ONE_MORE: (&str, &str) = ("thumbv7em", "ctx");

/// A test for each family, place and profile; and, when asked for but for [`ONE_MORE`], on the machines that have core
/// guests by default.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for family in FAMILIES {
        for place in EVERYWHERE {
            cases.extend(
                [Profile::Debug, Profile::Release].map(|it| case(family, place, it).usual_if(place.is_usual(it))),
            );
        }
        let others = MACHINES.iter().filter(|machine| !machine.boots_by_default(Subject::Greenlets.guest()));
        cases.extend(others.map(|it| {
            let case = case(family, Place::Machine(it), Profile::Release);
            case.usual_if((it.name, family) == ONE_MORE)
        }));
        // Hosted on another instruction set.
        let runs_here = cfg!(all(target_arch = "x86_64", target_os = "linux"));
        cases
            .extend([Profile::Debug, Profile::Release].into_iter().filter(|_| runs_here).map(|it| foreign(family, it)));
    }
    cases
}

fn foreign(family: &'static str, profile: Profile) -> Case {
    let mut needs = Needs::default();
    foreign::needs(&mut needs);
    let name = format!("conformance::host-aarch64::{family}::{profile}");
    let test = name.clone();
    let run = move || {
        static BUILT: Builds<PathBuf> = Builds::new();
        let program = BUILT.get("host-aarch64", profile, || hosted::foreign_scenarios(profile))?;
        let file = places::corpus().join(family).with_extension("scn");
        let expected = logs(&file.with_extension("log"))?;
        compare_by(&program, &test, Subject::Greenlets, Place::Host, &[file], &expected)
    };
    Case::new(name, needs, run).when_asked_for()
}

fn case(family: &'static str, place: Place, profile: Profile) -> Case {
    let mut needs = Needs::default();
    place.needs(&mut needs);
    let name = format!("conformance::{place}::{family}::{profile}");
    let guests = builds::of_place(Subject::Greenlets.guest(), place, profile);
    Case::new(name, needs, move || run(family, place, profile)).with_guests(guests)
}

/// Runs a family and compares its logs.
fn run(family: &str, place: Place, profile: Profile) -> Result<(), Failed> {
    let file = places::corpus().join(family).with_extension("scn");
    let expected = logs(&file.with_extension("log"))?;
    compare(
        &format!("conformance::{place}::{family}::{profile}"),
        Subject::Greenlets,
        place,
        profile,
        &[file],
        &expected,
    )
}

/// The logs of a file, one by one.
pub(crate) fn logs(file: &Path) -> Result<Vec<String>, Failed> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(text.split_inclusive("\ndone\n").map(str::to_owned).collect())
}

/// Runs the scenarios of `files`, and compares their logs with those `expected`.
pub(crate) fn compare(
    test: &str,
    subject: Subject,
    place: Place,
    profile: Profile,
    files: &[PathBuf],
    expected: &[String],
) -> Result<(), Failed> {
    compare_by(&program(subject, place, profile)?, test, subject, place, files, expected)
}

/// [`compare`] with a `program` that is built.
fn compare_by(
    program: &Path,
    test: &str,
    subject: Subject,
    place: Place,
    files: &[PathBuf],
    expected: &[String],
) -> Result<(), Failed> {
    /// How many differences a message shows.
    const SHOWN: usize = 5;
    let bundle = Bundle::read(subject, files, &[])?;
    if bundle.names().len() != expected.len() {
        return Err(format!("{} scenarios, and {} logs", bundle.names().len(), expected.len()).into());
    }
    let ran = conformance::run(place, program, &bundle, Collected::default())?;
    let mut differences = Vec::new();
    for (index, (name, expected)) in bundle.names().iter().zip(expected).enumerate() {
        match ran.sinks.logs.get(index).map(|log| String::from_utf8_lossy(log)) {
            None => differences.push(format!("{name}: no log")),
            Some(log) if log != *expected => differences.push(format!("{name}: {}", difference(expected, &log))),
            Some(_) => {}
        }
    }
    let failures = (differences.len() as u64).max(u64::from(ran.failure.is_some()));
    let tally = Tally { attempts: expected.len() as u64, failures };
    println!("{}", tally.line(format_args!("{test}")));
    if failures == 0 {
        return Ok(());
    }
    let agreed = expected.len() - differences.len();
    let mut message = vec![format!("{agreed} of {} logs agree", expected.len())];
    message.extend(ran.failure);
    message.extend(differences.into_iter().take(SHOWN));
    message.push(String::from_utf8_lossy(&ran.sinks.aside).into_owned());
    Err(message.join("\n").into())
}

/// The program that runs scenarios, built once.
fn program(subject: Subject, place: Place, profile: Profile) -> Result<PathBuf, Failed> {
    static HOSTED: Builds<PathBuf> = Builds::new();
    match place {
        Place::Host => HOSTED.get("host", profile, || conformance::build(subject, place, profile)),
        Place::Machine(machine) => builds::Guest::new(subject.guest(), machine.code(), profile).file(),
    }
}

/// The logs of a run, one by one, and everything else.
#[derive(Default)]
struct Collected {
    logs: Vec<Vec<u8>>,
    aside: Vec<u8>,
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
