//! The instructions that operations take: no more than they took, and no fewer than are kept.

use libtest_mimic::Failed;
use qemu_tests::compile::Profile;
use qemu_tests::counts::{GUEST, SUBJECTS, Subject};
use qemu_tests::speed::{NOT_COUNTED, why_not};
use qemu_tests::tools::Needs;

use crate::{Case, builds};

/// A test for each subject.
pub(crate) fn cases() -> Vec<Case> {
    let case = |subject: &'static Subject| {
        // Nothing else fails where valgrind cannot be had.
        let needs = if subject.is_hosted() { Needs::default() } else { subject.needs() };
        Case::new(format!("counts::{subject}"), needs, move || count(subject))
    };
    SUBJECTS.iter().map(case).collect()
}

fn count(subject: &Subject) -> Result<(), Failed> {
    let program = match subject.machine() {
        Some((machine, true)) => builds::guest(GUEST, machine.target, Profile::Release)?,
        _ => {
            let _turn = builds::turn();
            if let Some(why) = why_not(subject) {
                eprintln!("\n{NOT_COUNTED}, counts::{subject}: {why}");
                return Ok(());
            }
            subject.build()?
        }
    };
    let now = subject.count(&program, |_| Ok(()))?;
    Ok(subject.kept()?.compare(&now, subject.name)?)
}
