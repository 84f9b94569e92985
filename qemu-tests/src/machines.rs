//! `cargo xtask machines`: the guests that must pass, on many more machines than the suite's: processors, boards,
//! interrupt controllers, exception levels.
//!
//! It prints one row per machine. If this QEMU lacks the processor or the board, the row says so, and that is no
//! failure. It is a failure if nothing ran at all.

mod known;
mod report;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use self::known::Known;
use self::report::{Report, Row};
use crate::cli::Misuse;
use crate::compile::{self, Built, Profile};
use crate::guests::{self, Guest};
use crate::machine::{MORE, Machine};
use crate::tools::{self, Needs};
use crate::verdict::Ending;
use crate::{places, trial};

/// How the guests are compiled.
const PROFILE: Profile = Profile::Release;

/// Which machines run, and where the results are written.
#[derive(Debug, Default, PartialEq)]
pub struct Request {
    /// Parts of names: a machine runs if its name contains one of them. If there are none, all run.
    pub names: Vec<String>,
    /// The file to which the rows are written as JSON.
    pub json: Option<PathBuf>,
}

/// Runs the guests on the machines, and prints a row for each.
///
/// # Errors
///
/// If no machine has such a name, something cannot be built or started, a guest fails, or nothing was run.
pub fn show(request: &Request) -> Result<()> {
    let machines = selected(&request.names)?;
    let mut needs = Needs::default();
    machines.iter().for_each(|machine| needs.qemu(machine));
    tools::ensure(&needs)?;

    let mut known = Known::default();
    let (mut here, mut unknown) = (Vec::new(), Vec::new());
    for machine in machines {
        match known.lacks(machine)? {
            None => here.push(machine),
            Some(lack) => unknown.push(Row { machine, outcome: Err(lack) }),
        }
    }
    here.iter().for_each(|machine| needs.target(machine.target));
    if !here.is_empty() {
        tools::ensure(&needs)?;
    }
    let guests = guests()?;
    // Several machines boot the same files.
    let mut builds = BTreeMap::new();
    for machine in &here {
        if let Entry::Vacant(place) = builds.entry(machine.code()) {
            let names = guests.iter().filter(|guest| boots(machine, guest)).map(|guest| guest.name.clone()).collect();
            place.insert(compile::guests(machine.code(), PROFILE, &names)?);
        }
    }
    let mut report = Report::begin();
    for machine in here {
        report.add(try_all(&guests, machine, &builds[&machine.code()])?);
    }
    unknown.into_iter().for_each(|row| report.add(row));
    if let Some(file) = &request.json {
        report.write(file)?;
    }
    report.verdict()
}

/// The machines with one of `names` in their names.
fn selected(names: &[String]) -> Result<Vec<&'static Machine>> {
    if let Some(name) = names.iter().find(|name| !MORE.iter().any(|machine| machine.name.contains(name.as_str()))) {
        let known = MORE.each_ref().map(|machine| machine.name).join(", ");
        bail!(Misuse(format!("no machine has `{name}` in its name; known: {known}")));
    }
    let asked = |machine: &&Machine| names.is_empty() || names.iter().any(|name| machine.name.contains(name.as_str()));
    Ok(MORE.iter().filter(asked).collect())
}

/// The guests that must end with a pass, and that the suite tests.
fn guests() -> Result<Vec<Guest>> {
    let mut survey = guests::survey(&places::guest_sources())?;
    survey.guests.retain(|guest| {
        let asked = &guest.directives;
        asked.tested && asked.ending == Ending::Pass && asked.profiles.contains(&PROFILE)
    });
    Ok(survey.guests)
}

/// Whether the machine can run the guest. Those of more than one core need a machine that has as many.
fn boots(machine: &Machine, guest: &Guest) -> bool {
    machine.boots(&guest.name, guest.takes_features())
}

/// Tries all guests on one machine.
fn try_all(guests: &[Guest], machine: &'static Machine, built: &Built) -> Result<Row> {
    let mut failures = Vec::new();
    for guest in guests.iter().filter(|guest| boots(machine, guest)) {
        let elf = built.get(&guest.name).with_context(|| format!("cargo built no guest `{}`", guest.name))?;
        if let Err(problem) = trial::run(guest, machine, elf).outcome {
            failures.push((guest.name.clone(), problem));
        }
    }
    let tried = guests.iter().filter(|guest| boots(machine, guest)).count();
    Ok(Row { machine, outcome: Ok((tried, failures)) })
}
