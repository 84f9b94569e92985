//! What operations cost: exact instructions on bare metal and hosted, and a ratio on the host.
//!
//! Instructions are the same on every computer, and a table shows them side by side. Times are not: on the host only a
//! ratio within one process means anything.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};

use crate::counts::{self, SUBJECTS, Subject};
use crate::tools::{self, Missing, Needs};
use crate::{environment, places};

/// Prints what operations cost, on bare metal and hosted. With `bless`, keeps the instructions for the suite, and
/// measures no ratio.
///
/// # Errors
///
/// If something does not build, or a boot or the hosted program fails. With `bless`, also if some operations cannot be
/// counted here; the others are kept.
pub fn show(bless: bool) -> Result<()> {
    let mut needs = Needs::default();
    SUBJECTS.iter().filter(|subject| !subject.is_hosted()).for_each(|subject| needs.all_of(&subject.needs()));
    tools::ensure(&needs)?;
    let (mut counted, mut not_counted) = (Vec::new(), BTreeSet::new());
    for subject in &SUBJECTS {
        match why_not(subject) {
            Some(why) => drop(not_counted.insert(why)),
            None => counted.push((subject, subject.count(&subject.build()?, |_| Ok(()))?)),
        }
    }
    let columns: Vec<_> = counted.iter().map(|(subject, figures)| (subject.name, figures)).collect();
    print!("instructions\n\n{}", counts::table(&columns));
    not_counted.iter().for_each(|why| eprintln!("\n{NOT_COUNTED}: {why}"));
    if bless {
        println!();
        counts::keep(&counted)?.iter().for_each(|file| println!("kept: {}", file.display()));
        let missing =
            not_counted.into_iter().next().map(|why| Missing(format!("hosted figures are as they were: {why}")));
        return missing.map_or(Ok(()), |missing| Err(missing.into()));
    }
    println!("\nhosted: a round trip against a raw switch in the same process");
    let mut cargo = environment::cargo();
    cargo.current_dir(places::root()).args(["run", "--release", "--package", "greenlet", "--example", "round_trip"]);
    cargo.arg("--target-dir").arg(places::built()?);
    let status = cargo.status().context("cannot start cargo")?;
    ensure!(status.success(), "the example round_trip failed ({status})");
    Ok(())
}

/// The message if hosted operations cannot be counted.
pub const NOT_COUNTED: &str = "== NOT COUNTED: instructions of hosted operations";

/// Why a hosted subject cannot be counted here; `None` if it can. Installs the needed tools, if possible.
#[must_use]
pub fn why_not(subject: &Subject) -> Option<String> {
    if !subject.is_hosted() {
        return None;
    }
    let refused = || tools::ensure(&subject.needs()).err().map(|error| format!("{error:#}"));
    subject.obstacle().map(str::to_owned).or_else(refused)
}
