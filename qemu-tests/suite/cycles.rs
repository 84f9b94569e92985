//! The cycles of the fast path on other processors must be the kept ones.

use libtest_mimic::Failed;
use qemu_tests::cycles::{GROUPS, Group, NOT_SIMULATED};
use qemu_tests::tools::Needs;

use crate::{Case, builds, counts};

/// A test for each group of processors. Each installs LLVM, or fails with the command for that; no other case needs it.
pub(crate) fn cases() -> Vec<Case> {
    let case = |group: &'static Group| {
        let guest = group.subject().ok().and_then(counts::guest);
        let mut needs = Needs::default();
        guest.iter().for_each(|guest| needs.target(guest.target()));
        Case::new(format!("cycles::{}", group.name), needs, move || simulate(group))
            .with_guests(guest.into_iter().collect())
    };
    GROUPS.iter().map(case).collect()
}

fn simulate(group: &'static Group) -> Result<(), Failed> {
    let subject = group.subject()?;
    if let Some(why) = subject.obstacle() {
        eprintln!("\n{NOT_SIMULATED}, cycles::{}: {why}", group.name);
        return Ok(());
    }
    let program = match counts::guest(subject) {
        Some(guest) => guest.file()?,
        None => {
            let _turn = builds::turn("counts");
            subject.build()?
        }
    };
    let now = group.simulate(&program).map_err(|error| format!("{error:#}"))?;
    Ok(group.compare(&now).map_err(|error| format!("{error:#}"))?)
}
