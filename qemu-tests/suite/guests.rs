//! Each guest on each machine in each profile: it must end as its head says, and print what its
//! `.out` file says.

use std::fs;

use libtest_mimic::Failed;
use qemu_tests::boot::Boot;
use qemu_tests::compile::Profile;
use qemu_tests::frames::Log;
use qemu_tests::guests::{self, Guest};
use qemu_tests::hits;
use qemu_tests::machine::{MACHINES, Machine};
use qemu_tests::tools::Needs;
use qemu_tests::verdict::{self, Ending};
use qemu_tests::{places, transcript};

use crate::{Case, builds};

/// A test for each guest, machine and profile, and one for the set of guests itself.
pub(crate) fn cases() -> Vec<Case> {
    let (guests, problems) = match guests::survey(&places::guest_sources()) {
        Ok(survey) => (survey.guests, survey.problems),
        Err(error) => (Vec::new(), vec![format!("{error:#}")]),
    };
    let whole = move || if problems.is_empty() { Ok(()) } else { Err(problems.join("\n").into()) };
    let mut cases = vec![Case::new("guest::set_is_whole".to_owned(), Needs::default(), whole)];
    for guest in guests.into_iter().filter(|guest| guest.directives.tested) {
        // A test lives until the suite ends, and so may what it tests.
        let guest: &'static Guest = Box::leak(Box::new(guest));
        for machine in &MACHINES {
            for &profile in &guest.directives.profiles {
                let mut needs = Needs::default();
                needs.machine(machine);
                let name = format!("guest::{}::{machine}::{profile}", guest.name);
                cases.push(Case::new(name, needs, move || boot(guest, machine, profile)));
            }
        }
    }
    cases
}

/// Boots a guest and judges it by its head and its `.out` file.
fn boot(guest: &Guest, machine: &'static Machine, profile: Profile) -> Result<(), Failed> {
    let at = guest.expected.display();
    let expected = fs::read_to_string(&guest.expected).map_err(|error| format!("{at}: {error}"))?;
    let elf = builds::guest(&guest.name, machine.target, profile)?;
    let asked = &guest.directives;
    let log = Log::of(&elf).map_err(|problem| format!("{problem:#}"))?;
    if log.is_some() != asked.logs {
        return Err(format!("{}: only what says `defmt` in its head logs with it, and does", elf.display()).into());
    }
    let path = log.as_ref().map(Log::path);
    let (counted, cores, limit) = (asked.counted, asked.cores, asked.limit);
    let boot = Boot { machine, elf: &elf, input: None, log: path, counted, cores, limit };
    let ended = boot.run(|_| Ok(()))?;
    let judged = match (verdict::judge(machine, &ended), asked.ending) {
        (Ok(_), Ending::Pass) => Ok(()),
        (Ok(_), ending) => Err(format!("it passed, and its head says `exit: {}`", ending.name())),
        (Err(failure), ending) if failure.ending() == Some(ending) => Ok(()),
        (Err(failure), _) => Err(failure.to_string()),
    };
    let compared = || {
        let mut transcript = transcript::text(&ended.output);
        if let Some(log) = &log {
            transcript += &log.block().map_err(|problem| format!("{problem:#}"))?;
        }
        if asked.hits {
            let block = hits::block(&elf, &transcript).map_err(|problem| format!("{problem:#}"))?;
            println!("{} on {machine}, {profile}:\n{block}", guest.name);
            transcript += &block;
        }
        transcript::compare(&transcript, &expected).map_err(|difference| format!("{at}: {difference}"))
    };
    judged.and_then(|()| compared()).map_err(|problem| format!("{problem}\n\n{}", boot.command_line()).into())
}
