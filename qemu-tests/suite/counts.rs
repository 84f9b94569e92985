//! The instructions that operations take must be the kept ones: no more and no fewer.

use std::env;
use std::process::Command;

use libtest_mimic::Failed;
use qemu_tests::compile::Profile;
use qemu_tests::counts::{self, GUEST, SUBJECTS, Subject};
use qemu_tests::places;
use qemu_tests::speed::{NOT_COUNTED, why_not};
use qemu_tests::tools::Needs;

use crate::{Case, builds};

/// A test for each subject.
pub(crate) fn cases() -> Vec<Case> {
    let case = |subject: &'static Subject| {
        // If valgrind is not available, the other tests still run.
        let needs = if subject.is_hosted() { Needs::default() } else { subject.needs() };
        Case::new(format!("counts::{subject}"), needs, move || count(subject))
            .with_guests(guest(subject).into_iter().collect())
            .usual_if(subject.is_usual())
    };
    let without = Case::new("counts::without_valgrind_it_is_said".to_owned(), Needs::default(), without_valgrind);
    let crowd = Case::new("counts::crowd".to_owned(), Needs::default(), crowd);
    SUBJECTS.iter().map(case).chain([without, crowd]).collect()
}

/// The guest that counts, if it is one that others boot, too.
pub(crate) fn guest(subject: &Subject) -> Option<builds::Guest> {
    let machine = subject.usual_machine()?;
    Some(builds::Guest::new(GUEST, machine.code(), Profile::Release))
}

fn count(subject: &Subject) -> Result<(), Failed> {
    let program = match guest(subject) {
        Some(guest) => guest.file()?,
        None => {
            let _turn = builds::turn("counts");
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

/// The operations that visit all greenlets of a tree, as documented: see docs/costs.md.
const LINEAR: [&str; 2] = ["census_10", "stack_of_last"];

/// No other operation takes more with ten thousand greenlets in its tree than with ten.
fn crowd() -> Result<(), Failed> {
    let _turn = builds::turn("counts");
    let hosted = Subject::named("hosted").ok_or("the hosted operations are counted")?;
    if let Some(why) = why_not(hosted) {
        eprintln!("\n{NOT_COUNTED}, counts::crowd: {why}");
        return Ok(());
    }
    let grown = counts::grown()?;
    let wrong: Vec<_> = grown.iter().filter(|(name, _)| !LINEAR.contains(&name.as_str())).collect();
    let constant: Vec<_> = LINEAR.iter().filter(|linear| grown.iter().all(|(name, _)| name != *linear)).collect();
    if wrong.is_empty() && constant.is_empty() {
        return Ok(());
    }
    let told = "instructions with 10 greenlets and with 10,000";
    Err(format!("{told}: {wrong:?}; the same, though said to be linear: {constant:?}").into())
}

/// Without valgrind, and if none may be installed, the suite passes, and prints what was not counted and the remedy.
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
