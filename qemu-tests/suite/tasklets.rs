//! Tasklets and channels: Stackless' scenarios, on the host and on bare metal, and every log compared byte for byte
//! with the one that Stackless wrote; and random ones, against a simulation of the rules.

use std::process::Command;

use libtest_mimic::Failed;
use qemu_tests::compile::{self, Profile};
use qemu_tests::conformance::{EVERYWHERE, Place, Subject};
use qemu_tests::places;
use qemu_tests::tools::Needs;

use crate::Case;
use crate::builds;
use crate::scenarios::{compare, logs};

/// The families of the corpus.
const FAMILIES: [&str; 4] = ["chan", "sched", "exc", "mixed"];

/// Scenarios that show defects of the interpreter, which are not copied: there are its logs, and logs by the rules.
const DEFECTS: &str = "defects";

/// A test for each place and profile, and those of the host.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for place in EVERYWHERE {
        for profile in [Profile::Debug, Profile::Release] {
            let mut needs = Needs::default();
            place.needs(&mut needs);
            let name = format!("tasklets::{place}::{profile}");
            let guests = builds::of_place(Subject::Tasklets.guest(), place, profile);
            let case = Case::new(name, needs, move || corpus(place, profile)).with_guests(guests);
            cases.push(case.usual_if(place.is_usual(profile)));
        }
    }
    cases.push(Case::new("tasklets::defects".to_owned(), Needs::default(), defects));
    cases.push(Case::new("tasklets::random".to_owned(), Needs::default(), random));
    cases
}

/// All families, in one run.
fn corpus(place: Place, profile: Profile) -> Result<(), Failed> {
    let files = FAMILIES.map(|family| places::tasklets_corpus().join(family).with_extension("scn"));
    let mut expected = Vec::new();
    for file in &files {
        expected.extend(logs(&file.with_extension("log"))?);
    }
    compare(&format!("tasklets::{place}::{profile}"), Subject::Tasklets, place, profile, &files, &expected)
}

/// Tasklets follow the rules where the interpreter has a defect.
fn defects() -> Result<(), Failed> {
    let file = places::tasklets_corpus().join(DEFECTS).with_extension("scn");
    let (right, wrong) = (logs(&file.with_extension("rules"))?, logs(&file.with_extension("log"))?);
    if right.iter().zip(&wrong).any(|(right, wrong)| right == wrong) {
        return Err("a scenario that shows no defect is among the defects".into());
    }
    compare("tasklets::defects", Subject::Tasklets, Place::Host, Profile::Debug, &[file], &right)
}

/// As `cargo xtask fuzz-tasklets`, in both profiles.
fn random() -> Result<(), Failed> {
    for (profile, count) in [(Profile::Debug, "4000"), (Profile::Release, "20000")] {
        let program = {
            let _turn = builds::turn(profile.name());
            compile::example("conformance", "fuzz_tasklets", profile)?
        };
        let output = Command::new(program).args(["1", count]).output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        print!("{text}");
        if !output.status.success() {
            return Err(format!("{text}{}", String::from_utf8_lossy(&output.stderr)).into());
        }
    }
    Ok(())
}
