//! How much of their stacks the greenlets of each guest take, in release: no more than the guest's head says. Of the
//! feature guests, which say so in their usual build, `guest::*` looks at it.

use std::collections::BTreeSet;
use std::fmt::Write;

use libtest_mimic::Failed;
use qemu_tests::compile::{self, Profile};
use qemu_tests::guests::{self, Guest};
use qemu_tests::machine::{Machine, ONE_OF_EACH};
use qemu_tests::places;
use qemu_tests::tally::Tally;
use qemu_tests::tools::Needs;
use qemu_tests::trial;
use qemu_tests::verdict::Ending;

use crate::{Case, builds};

pub(crate) fn cases() -> Vec<Case> {
    let case = |machine: &'static Machine| {
        let mut needs = Needs::default();
        needs.machine(machine);
        Case::new(format!("stacks::{machine}"), needs, move || of_all(machine))
    };
    // Each builds all guests once more; frames on the other machine differ by a few words.
    let [first, second] = ONE_OF_EACH.map(case);
    vec![first, second.when_asked_for()]
}

/// The plain guests that pass.
fn subjects() -> anyhow::Result<Vec<Guest>> {
    let [plain, _] = places::guest_sources();
    let mut guests = guests::survey(&[plain])?.guests;
    guests
        .retain(|Guest { directives, .. }| directives.tested && !directives.long && directives.ending == Ending::Pass);
    Ok(guests)
}

/// Boots these guests, built so that they say it, and prints what their greenlets took.
fn of_all(machine: &'static Machine) -> Result<(), Failed> {
    let guests = subjects()?;
    let names: BTreeSet<_> = guests.iter().map(|guest| guest.name.clone()).collect();
    let built = {
        let _turn = builds::turn("high-water");
        compile::guests_with("high-water", machine.target, Profile::Release, &names)?
    };
    let (mut table, mut wrong) = (String::new(), String::new());
    let mut tally = Tally { attempts: built.len() as u64, failures: 0 };
    for guest in &guests {
        let elf = built.get(&guest.name).ok_or_else(|| format!("cargo built no guest `{}`", guest.name))?;
        let tried = trial::run(guest, machine, elf);
        let depth = tried.outcome.clone().and_then(|_| tried.depth_within(guest));
        tally.failures += u64::from(depth.is_err());
        match depth {
            Ok(deepest) => writeln!(table, "  {:18} {deepest:6} of {:6}", guest.name, guest.directives.stack)?,
            Err(problem) => writeln!(wrong, "{problem}")?,
        }
    }
    println!("{}", tally.line(format_args!("stacks::{machine}")));
    println!("bytes of the deepest stack on {machine}, release:\n{table}");
    if wrong.is_empty() { Ok(()) } else { Err(wrong.into()) }
}
