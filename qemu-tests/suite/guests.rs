//! Each guest on each machine in each profile: it must end as its head says, and print its
//! transcript.

use std::fs;
use std::path::Path;

use libtest_mimic::Failed;
use qemu_tests::cli::USUAL_GUEST;
use qemu_tests::compile::Profile;
use qemu_tests::guests::{self, Guest};
use qemu_tests::machine::{self, MACHINES, Machine};
use qemu_tests::places;
use qemu_tests::tools::Needs;
use qemu_tests::trial;

use crate::{Case, builds};

/// A test for each guest, machine and profile, and one for the set of guests itself.
pub(crate) fn cases() -> Vec<Case> {
    let (guests, problems) = match guests::survey(&places::guest_sources()) {
        Ok(survey) => (survey.guests, survey.problems),
        Err(error) => (Vec::new(), vec![format!("{error:#}")]),
    };
    let whole = move || if problems.is_empty() { Ok(()) } else { Err(problems.join("\n").into()) };
    let mut cases = vec![Case::new("guest::set_is_whole".to_owned(), Needs::default(), whole)];
    // A test lives until the suite ends, so its guest may, too.
    let guests: &'static [Guest] = guests.leak();
    let tested = || guests.iter().filter(|guest| guest.directives.tested);
    // In the order of builds: while guests boot, the next ones are built.
    for (profile, machine) in Profile::ALL.iter().flat_map(|&profile| MACHINES.iter().map(move |it| (profile, it))) {
        let boots = |guest: &&Guest| {
            let is_for_it = machine.boots(&guest.name, guest.takes_features());
            is_for_it && guest.directives.profiles_on(machine).any(|it| it == profile)
        };
        for guest in tested().filter(boots) {
            let mut needs = Needs::default();
            needs.machine(machine);
            let name = format!("guest::{}::{machine}::{profile}", guest.name);
            let file = builds::Guest::new(&guest.name, machine.code(), profile);
            let wanted = vec![file.clone()];
            let case = Case::new(name, needs, move || boot(guest, &file, machine, profile)).with_guests(wanted);
            let is_usual = guest.directives.is_usual(machine, profile) && machine.boots_by_default(&guest.name);
            cases.push(case.usual_if(is_usual));
        }
    }
    cases.extend(blessed());
    cases
}

/// The suite compares with the file that `--bless` writes.
fn blessed() -> Option<Case> {
    let machine = machine::named("aarch64")?;
    let file = builds::Guest::new(USUAL_GUEST, machine.code(), Profile::Release);
    let mut needs = Needs::default();
    needs.machine(machine);
    let wanted = vec![file.clone()];
    let test = move || {
        let found =
            guests::survey(&places::guest_sources())?.guests.into_iter().find(|guest| guest.name == USUAL_GUEST);
        let mut guest = found.ok_or("the usual guest is gone")?;
        let kept = guest.transcript()?;
        guest.expected = Path::new(env!("CARGO_TARGET_TMPDIR")).join("blessed.txt");
        fs::write(&guest.expected, "")?;
        let written = [(); 2].map(|()| trial::bless(&guest, machine, &file.file()?).map_err(Failed::from));
        match written {
            [Ok(true), Ok(false)] if guest.transcript()? == kept => Ok(()),
            other => Err(format!("{other:?}, and the file has {:?}", guest.transcript()).into()),
        }
    };
    Some(Case::new("guest::what_is_blessed_is_what_is_compared".to_owned(), needs, test).with_guests(wanted))
}

/// Builds a guest and tries it.
fn boot(guest: &Guest, file: &builds::Guest, machine: &'static Machine, profile: Profile) -> Result<(), Failed> {
    // Before anything is built, which may take minutes.
    guest.transcript()?;
    let tried = trial::run(guest, machine, &file.file()?);
    println!("{}", tried.tally.line(format_args!("guest::{}::{machine}::{profile}", guest.name)));
    // Feature guests say it in their usual build; `stacks` has the others built so that they do.
    if profile == Profile::Release && tried.outcome.is_ok() && tried.deepest.is_some() {
        tried.depth_within(guest)?;
    }
    let block = tried.outcome?;
    if !block.is_empty() {
        println!("{} on {machine}, {profile}:\n{block}", guest.name);
    }
    Ok(())
}
