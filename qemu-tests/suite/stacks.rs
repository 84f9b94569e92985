//! How much of their stacks the greenlets of each guest take, in release: no more than the guest's head says.

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
    ONE_OF_EACH.map(case).into()
}

/// Boots the guests that pass, and prints what their greenlets took.
fn of_all(machine: &'static Machine) -> Result<(), Failed> {
    let mut guests = guests::survey(&places::guest_sources())?.guests;
    guests.retain(|Guest { directives, .. }| directives.tested && directives.ending == Ending::Pass);
    let names: BTreeSet<_> = guests.iter().map(|guest| guest.name.clone()).collect();
    let built = {
        let _turn = builds::turn("high-water");
        compile::guests_with("high-water", machine.target, Profile::Release, &names)?
    };
    let (mut table, mut wrong) = (String::new(), String::new());
    let mut tally = Tally { attempts: guests.len() as u64, failures: 0 };
    for guest in &guests {
        let elf = built.get(&guest.name).ok_or_else(|| format!("cargo built no guest `{}`", guest.name))?;
        let tried = trial::run(guest, machine, elf);
        let limit = guest.directives.stack;
        let is_within = tried.outcome.is_ok() && tried.deepest.is_some_and(|deepest| deepest <= limit);
        tally.failures += u64::from(!is_within);
        match (tried.outcome, tried.deepest) {
            (Err(problem), _) => writeln!(wrong, "{}: {problem}", guest.name)?,
            (Ok(_), None) => writeln!(wrong, "{}: it does not say how deep its stacks were", guest.name)?,
            (Ok(_), Some(deepest)) => {
                writeln!(table, "  {:18} {deepest:6} of {limit:6}", guest.name)?;
                if deepest > limit {
                    let (name, head) = (&guest.name, "`//@ stack: BYTES` in its head");
                    writeln!(
                        wrong,
                        "{name}: a greenlet took {deepest} bytes, the limit is {limit}: mend it, or {head}"
                    )?;
                }
            }
        }
    }
    println!("{}", tally.line(format_args!("stacks::{machine}")));
    println!("bytes of the deepest stack on {machine}, release:\n{table}");
    if wrong.is_empty() { Ok(()) } else { Err(wrong.into()) }
}
