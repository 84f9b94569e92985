//! The instructions that operations take: no more than they took, and no fewer than are kept.

use libtest_mimic::Failed;
use qemu_tests::compile::Profile;
use qemu_tests::counts::{Counts, GUEST, MACHINES};
use qemu_tests::machine::{self, Machine};
use qemu_tests::tools::Needs;

use crate::{Case, builds};

/// A test for each instruction set.
pub(crate) fn cases() -> Vec<Case> {
    let case = |machine: &'static Machine| {
        let mut needs = Needs::default();
        needs.machine(machine);
        Case::new(format!("counts::{machine}"), needs, move || count(machine))
    };
    MACHINES.iter().filter_map(|name| machine::named(name)).map(case).collect()
}

fn count(machine: &'static Machine) -> Result<(), Failed> {
    let kept = Counts::kept(machine).map_err(|error| format!("{error:#}"))?;
    let elf = builds::guest(GUEST, machine.target, Profile::Release)?;
    let now = Counts::measure(machine, &elf, |_| Ok(())).map_err(|error| format!("{error:#}"))?;
    Ok(kept.compare(&now)?)
}
