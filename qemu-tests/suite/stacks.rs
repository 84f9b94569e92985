//! The greenlets of each guest take no more of their stacks, in release, than the guest's head says. For the feature
//! guests, which print their use in their usual build, `guest::*` checks that. And the output of `cargo xtask stacks`,
//! by analysis of the code and by name.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use libtest_mimic::Failed;
use qemu_tests::cli::USUAL_GUEST;
use qemu_tests::compile::{self, Profile};
use qemu_tests::guests::{self, Guest};
use qemu_tests::machine::{Machine, ONE_OF_EACH};
use qemu_tests::places;
use qemu_tests::stacks;
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
    // Each builds all guests once more.
    let mut cases: Vec<_> = ONE_OF_EACH.map(case).into_iter().map(Case::when_asked_for).collect();
    for machine in ONE_OF_EACH {
        let mut needs = Needs::default();
        needs.machine(machine);
        let guests = CODE.map(|guest| builds::Guest::new(guest, machine.code(), Profile::Release));
        let wanted = guests.to_vec();
        let test = move || by_code(machine, &guests);
        cases.push(Case::new(format!("stacks::what_the_code_tells::{machine}"), needs, test).with_guests(wanted));
    }
    for machine in ONE_OF_EACH {
        let mut needs = Needs::default();
        needs.machine(machine);
        let name = format!("stacks::marks_by_name_are_those_of_the_library::{machine}");
        let usual = builds::Guest::new(USUAL_GUEST, machine.code(), Profile::Release);
        let wanted = [usual.clone()];
        cases.push(Case::new(name, needs, move || by_name(machine, &wanted[0])).with_guests(vec![usual]));
    }
    // Without the builds of the other machine.
    let last = cases.pop().map(Case::when_asked_for);
    cases.into_iter().chain(last).collect()
}

/// The deepest of the marks by name is what the library says is the deepest.
fn by_name(machine: &'static Machine, usual: &builds::Guest) -> Result<(), Failed> {
    let failed = |error: anyhow::Error| Failed::from(format!("{error:#}"));
    let mut plain = subjects(machine)?;
    plain.retain(|guest| guest.name == USUAL_GUEST);
    let [guest] = &plain[..] else { return Err("the usual guest is gone".into()) };
    let mut built = {
        let _turn = builds::turn("high-water");
        let names = BTreeSet::from([guest.name.clone()]);
        compile::guests_with("high-water", machine.code(), Profile::Release, &names)?
    };
    let elf = built.remove(&guest.name).ok_or("cargo built another guest")?;
    let deepest = trial::run(guest, machine, &elf).deepest.ok_or("it does not say how deep its stacks were")?;
    let table = stacks::marks_of(&elf, guest.directives.limit, &[]).map_err(failed)?;
    let first = table.lines().nth(1).ok_or("there is no row")?;
    let figure = first.split_whitespace().next().unwrap_or_default().replace(',', "");
    if figure != deepest.to_string() || ![" anna", " ben", " carla"].iter().all(|name| table.contains(name)) {
        return Err(format!("the deepest has {deepest} bytes, and some names are missing or not:\n{table}").into());
    }
    // Without the feature there are none.
    match stacks::marks_of(&usual.file()?, guest.directives.limit, &[]) {
        Err(error) if format!("{error:#}").contains("without the feature `high-water`") => Ok(()),
        other => Err(format!("{other:?}").into()),
    }
}

/// A guest with bodies of all kinds, and one without any.
const CODE: [&str; 2] = ["zoo", "hang"];

/// The output of `cargo xtask stacks --elf` for a program, and for a file that is none.
fn by_code(machine: &Machine, [zoo, hang]: &[builds::Guest; 2]) -> Result<(), Failed> {
    let print = |file: &Path| -> Result<(String, bool), Failed> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_qemu-tests"));
        let output = command.args(["stacks", "--elf"]).arg(file).stdin(Stdio::null()).output()?;
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Ok((text.concat(), output.status.success()))
    };
    let has = |(text, passed): &(String, bool), passes: bool, parts: &[&str]| match parts
        .iter()
        .find(|it| !text.contains(**it))
    {
        _ if *passed != passes => Err(Failed::from(format!("passed: {passed}:\n{text}"))),
        Some(absent) => Err(format!("`{absent}` is not in:\n{text}").into()),
        None => Ok(()),
    };
    let zoo = zoo.file()?;
    let of_zoo = print(&zoo)?;
    has(&of_zoo, true, &["largest frames", "zoo::read_byte\n", "zoo::parser (", "recursion of zoo::read_byte\n"])?;
    let bodies: Vec<_> = of_zoo.0.lines().filter(|line| line.contains("  zoo::")).collect();
    // Its 11 bodies, all but one of which call nothing indirectly and themselves not at all.
    let known = bodies.iter().filter(|line| line.starts_with("callbacks +")).count();
    if known < 10 {
        return Err(format!("{known} bounds of bodies:\n{}", of_zoo.0).into());
    }
    has(&print(&hang.file()?)?, true, &["no bodies of greenlets"])?;

    let mut bytes = fs::read(&zoo)?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("stacks-{machine}"));
    fs::create_dir_all(&folder)?;
    let file = folder.join("file");
    bytes[0x12] = 22; // e_machine: S/390
    fs::write(&file, &bytes)?;
    has(&print(&file)?, false, &["is for S390x: this reads AArch64, Cortex-M, RISC-V and x86-64"])?;
    bytes[0x12] = 243; // e_machine: RISC-V
    fs::write(&file, &bytes)?;
    has(&print(&file)?, true, &["largest frames", " in part, which are left out:", "no bounds of bodies"])?;
    bytes.copy_from_slice(&fs::read(&zoo)?);
    bytes[0x28..0x30].fill(0); // e_shoff
    bytes[0x3c..0x40].fill(0); // e_shnum, e_shstrndx
    fs::write(&file, &bytes)?;
    has(&print(&file)?, false, &["no functions in its symbol table", "strip"])?;
    fs::write(&file, "a text")?;
    has(&print(&file)?, false, &["is not an ELF file"])
}

/// The plain guests that pass.
fn subjects(machine: &Machine) -> anyhow::Result<Vec<Guest>> {
    let [plain, _] = places::guest_sources();
    let mut guests = guests::survey(&[plain])?.guests;
    guests.retain(|Guest { name, directives, .. }| {
        machine.boots(name, false) && directives.tested && !directives.long && directives.ending == Ending::Pass
    });
    Ok(guests)
}

/// Boots these guests, built so that they print their stack use, and prints a table of it.
fn of_all(machine: &'static Machine) -> Result<(), Failed> {
    let guests = subjects(machine)?;
    let names: BTreeSet<_> = guests.iter().map(|guest| guest.name.clone()).collect();
    let built = {
        let _turn = builds::turn("high-water");
        compile::guests_with("high-water", machine.code(), Profile::Release, &names)?
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
