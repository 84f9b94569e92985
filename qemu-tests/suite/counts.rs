//! The instructions that operations take: no more than they took, and no fewer than are kept.

use std::env;
use std::process::Command;

use libtest_mimic::Failed;
use qemu_tests::compile::Profile;
use qemu_tests::counts::{GUEST, SUBJECTS, Subject};
use qemu_tests::places;
use qemu_tests::speed::{NOT_COUNTED, why_not};
use qemu_tests::tools::Needs;

use crate::{Case, builds};

/// A test for each subject.
pub(crate) fn cases() -> Vec<Case> {
    let case = |subject: &'static Subject| {
        // Nothing else fails where valgrind cannot be had.
        let needs = if subject.is_hosted() { Needs::default() } else { subject.needs() };
        Case::new(format!("counts::{subject}"), needs, move || count(subject))
            .with_guests(guest(subject).into_iter().collect())
    };
    let without = Case::new("counts::without_valgrind_it_is_said".to_owned(), Needs::default(), without_valgrind);
    SUBJECTS.iter().map(case).chain([without]).collect()
}

/// The guest that counts, if it is one that others boot, too.
fn guest(subject: &Subject) -> Option<builds::Guest> {
    match subject.machine() {
        Some((machine, None)) => Some(builds::Guest::new(GUEST, machine.target, Profile::Release)),
        _ => None,
    }
}

fn count(subject: &Subject) -> Result<(), Failed> {
    let program = match guest(subject) {
        Some(guest) => guest.file()?,
        None => {
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

/// This suite, where there is no valgrind and none may be installed: it passes, and says what was not done and how it could be.
fn without_valgrind() -> Result<(), Failed> {
    let mut suite = Command::new(env::current_exe()?);
    suite.args(["--exact", "counts::hosted"]).env("GREENLET_NO_INSTALL", "1");
    // A folder without programs.
    let output = suite.env("PATH", places::root().join("docs")).output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    let remedy =
        if cfg!(all(target_arch = "x86_64", target_os = "linux")) { "--no-install-recommends valgrind" } else { "" };
    if output.status.success() && told.contains(NOT_COUNTED) && told.contains(remedy) {
        return Ok(());
    }
    Err(format!("{}:\n{told}", output.status).into())
}
