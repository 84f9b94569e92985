//! The sizes of programs and the RAM of a greenlet must be the kept ones: no more and no less. The documents quote the
//! kept ones. By default the programs at one opt-level without features are measured; on request, all.

use std::fs;

use libtest_mimic::Failed;
use qemu_tests::compile::Profile;
use qemu_tests::figures::Figures;
use qemu_tests::machine::{MICROBIT, Machine, ONE_OF_EACH, OTHERS};
use qemu_tests::places;
use qemu_tests::sizes::{self, Extent, FORM, TABLES};
use qemu_tests::tools::Needs;

use crate::{Case, builds};

/// Tests for each instruction set, and one of the documents.
pub(crate) fn cases() -> Vec<Case> {
    let case = |machine: &'static Machine, name: String, extent| {
        let mut needs = Needs::default();
        needs.machine(machine);
        Case::new(name, needs, move || measure(machine, extent)).usual_if(extent == Extent::Usual)
    };
    let usual = ONE_OF_EACH.map(|machine| case(machine, format!("sizes::{machine}"), Extent::Usual));
    let whole = ONE_OF_EACH.map(|machine| case(machine, format!("sizes::whole::{machine}"), Extent::Whole));
    let others = OTHERS.map(|machine| case(machine, format!("sizes::{machine}"), Extent::Plain));
    let documents = Case::new("documents::sizes_are_those_kept".to_owned(), Needs::default(), documents);
    let four = [Profile::Small, Profile::Least, Profile::Release].map(four);
    usual.into_iter().chain(whole).chain(others).chain(four).chain([documents]).collect()
}

/// Four greenlets in 4 KiB of RAM.
fn four(profile: Profile) -> Case {
    let mut needs = Needs::default();
    needs.machine(&MICROBIT);
    let test = move || {
        let _turn = builds::turn("sizes");
        println!("{}", sizes::four(profile).map_err(|error| format!("{error:#}"))?);
        Ok(())
    };
    Case::new(format!("sizes::four_in_4_kib::{profile}"), needs, test).usual_if(profile == Profile::Small)
}

fn measure(machine: &'static Machine, extent: Extent) -> Result<(), Failed> {
    let kept = kept(machine)?;
    let built = {
        let _turn = builds::turn("sizes");
        sizes::build(machine, extent).map_err(|error| format!("{error:#}"))?
    };
    let now = sizes::measure(machine, &built).map_err(|error| format!("{error:#}"))?;
    // A figure that no program prints any more is found only if all are measured.
    let kept = if extent == Extent::Usual { kept.shared_with(&now) } else { kept };
    Ok(kept.compare(&now, machine.name)?)
}

fn kept(machine: &Machine) -> Result<Figures, Failed> {
    Ok(Figures::kept(&FORM, &places::sizes_of(machine)).map_err(|error| format!("{error:#}"))?)
}

fn documents() -> Result<(), Failed> {
    let all = sizes::kept().map(|(machine, _)| Ok((machine, kept(machine)?))).collect::<Result<Vec<_>, Failed>>()?;
    let mut stale: Vec<_> = all.iter().flat_map(|(_, figures)| sizes::not_free(figures)).collect();
    for table in &TABLES {
        let file = table.file();
        let text = fs::read_to_string(&file)?;
        let expected = table.of(&all).map_err(|error| format!("{error:#}"))?;
        let found = table.found(&text).map_err(|error| format!("{error:#}"))?;
        let differs = found.lines().zip(expected.lines()).find(|(found, expected)| found != expected);
        if let Some((found, expected)) = differs {
            stale.push(format!("{}:\n  says {found}\n  kept {expected}", file.display()));
        } else if found != expected {
            stale.push(format!("{}: the table has not as many rows as are kept", file.display()));
        }
    }
    if stale.is_empty() {
        Ok(())
    } else {
        Err(format!("{}\n`cargo xtask sizes --bless` writes tables", stale.join("\n")).into())
    }
}
