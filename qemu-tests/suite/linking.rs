//! `linker/greenlet.x`, in a firmware that has flash, RAM and a second RAM: where stacks are placed, and the errors if
//! they do not fit.

use std::path::{Path, PathBuf};
use std::{fs, io};

use libtest_mimic::Failed;
use object::read::elf::ElfFile64;
use object::{Object, ObjectSection, ObjectSymbol, SectionFlags, elf};
use qemu_tests::environment;
use qemu_tests::machine::ONE_OF_EACH;
use qemu_tests::places;
use qemu_tests::tools::Needs;

use crate::Case;

/// Bytes of stacks in the firmware.
const STACKS: u64 = 8192;

/// How the firmware gets the fragment.
#[derive(Clone, Copy)]
enum By {
    Include,
    CommandLine,
    /// Not at all.
    Nothing,
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for target in ONE_OF_EACH.map(|machine| machine.target) {
        let mut case = |name: &str, test: fn(&'static str) -> Result<(), Failed>| {
            let mut needs = Needs::default();
            needs.target(target);
            cases.push(Case::new(format!("linking::{target}::{name}"), needs, move || test(target)));
        };
        case("included", |target| lies(target, By::Include, 0x1000_0000));
        case("on_the_command_line", |target| lies(target, By::CommandLine, 0x1000_0000));
        case("without_the_fragment", without);
        case("region_too_small", too_small);
        case("region_shared_and_too_small", shared);
        case("no_region", no_region);
        case("stacks_taken_by_another_section", taken);
    }
    cases
}

/// Makes the firmware mark the section of its stacks, as the crate does.
const MARK: &[&str] = &["--cfg", "marked"];

/// Links the firmware, with its script changed as `changes` say; the ELF file, or what the linker said.
fn link(name: &str, target: &str, by: By, changes: &[(&str, &str)]) -> io::Result<Result<PathBuf, String>> {
    link_with(MARK, name, target, by, changes)
}

fn link_with(
    mark: &[&str],
    name: &str,
    target: &str,
    by: By,
    changes: &[(&str, &str)],
) -> io::Result<Result<PathBuf, String>> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("suite/linking");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("linking").join(target).join(name);
    fs::create_dir_all(&folder)?;
    let mut script = fs::read_to_string(own.join("firmware.x"))?;
    for (from, to) in changes.iter().chain(&[("RAM_LENGTH", "64K"), ("CCM_LENGTH", "16K")]) {
        script = script.replace(from, to);
    }
    if let By::Include = by {
        script.push_str("INCLUDE greenlet.x\n");
    }
    let (firmware, image) = (folder.join("firmware.x"), folder.join("firmware"));
    fs::write(&firmware, script)?;

    let mut rustc = environment::rustc();
    rustc.args(["--edition", "2024", "--target", target, "-O", "-Cpanic=abort", "-Crelocation-model=static"]);
    rustc.args(mark);
    rustc.arg(own.join("firmware.rs")).arg("-o").arg(&image);
    rustc.arg(format!("-Clink-arg=-L{}", places::root().join("linker").display()));
    rustc.arg(format!("-Clink-arg=-T{}", firmware.display()));
    if let By::CommandLine = by {
        rustc.arg("-Clink-arg=-Tgreenlet.x");
    }
    let output = rustc.output()?;
    Ok(if output.status.success() { Ok(image) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) })
}

/// The change of the script that chooses the region of the stacks.
const IN_CCM: (&str, &str) = ("SECTIONS", "REGION_ALIAS(\"GREENLET_STACKS\", CCM);\nSECTIONS");
const IN_RAM: (&str, &str) = ("SECTIONS", "REGION_ALIAS(\"GREENLET_STACKS\", RAM);\nSECTIONS");

/// Checks that the stacks are `STACKS` bytes at `address` that take no room in the file.
fn lies(target: &'static str, by: By, address: u64) -> Result<(), Failed> {
    let name = if let By::Include = by { "include" } else { "command-line" };
    let image = fs::read(link(name, target, by, &[IN_CCM])??)?;
    let file = ElfFile64::<object::Endianness>::parse(&*image)?;
    let section = file.section_by_name(".greenlet_stacks").ok_or("the image has no .greenlet_stacks")?;
    let in_file = section.file_range().map_or(0, |(_, bytes)| bytes);
    let placed = (section.address(), section.size(), in_file);
    if placed != (address, STACKS, 0) {
        return Err(format!("address, bytes, bytes in the file: {placed:x?}").into());
    }
    let SectionFlags::Elf { sh_flags } = section.flags() else { return Err("no flags of an ELF file".into()) };
    if sh_flags & u64::from(elf::SHF_WRITE) == 0 {
        return Err("the stacks cannot be written to".into());
    }
    for (symbol, expected) in [("_greenlet_stacks_start", address), ("_greenlet_stacks_end", address + STACKS)] {
        let found = file.symbols().find(|found| found.name() == Ok(symbol)).map(|found| found.address());
        if found != Some(expected) {
            return Err(format!("{symbol} is {found:x?}").into());
        }
    }
    Ok(())
}

/// Checks that nothing links without the fragment: the stacks would be after all sections of the script, where a heap
/// may begin.
fn without(target: &'static str) -> Result<(), Failed> {
    refused(link("without", target, By::Nothing, &[])?, &["stack_pool_needs_greenlet_x_in_the_linker_script"])
}

fn refused(linked: Result<PathBuf, String>, said: &[&str]) -> Result<(), Failed> {
    let Err(errors) = linked else { return Err("it links".into()) };
    match said.iter().find(|said| !errors.contains(**said)) {
        Some(missing) => Err(format!("no error says `{missing}`:\n{errors}").into()),
        None => Ok(()),
    }
}

fn too_small(target: &'static str) -> Result<(), Failed> {
    let linked = link("too-small", target, By::Include, &[IN_CCM, ("CCM_LENGTH", "5K")])?;
    refused(
        linked,
        &["ERROR(greenlet): the stacks", "Make a COUNT or a SIZE smaller", "'CCM': overflowed by 3072 bytes"],
    )
}

fn shared(target: &'static str) -> Result<(), Failed> {
    let linked = link("shared", target, By::Include, &[IN_RAM, ("RAM_LENGTH", "15K")])?;
    refused(linked, &["ERROR(greenlet): the stacks", "a region of their own", "'RAM': overflowed by 1024 bytes"])
}

fn no_region(target: &'static str) -> Result<(), Failed> {
    refused(link("no-region", target, By::Include, &[])?, &["greenlet.x", "memory region not defined: GREENLET_STACKS"])
}

/// Checks that no stacks are placed in the firmware's `.bss`, or in its section for memory that is not zeroed; and that
/// the remedies in the error message work.
fn taken(target: &'static str) -> Result<(), Failed> {
    const SCRIPT: &str = "*(.bss .bss.*)";
    let takes = |pattern| [IN_CCM, (SCRIPT, pattern)];
    for (at, pattern) in ["*(.bss .bss.* .sbss .sbss.*)", "*(.bss* .sbss*)", "*(.*bss*)"].iter().enumerate() {
        for (mark, name) in [(MARK, "taken"), (&[], "taken-unmarked")] {
            let linked = link_with(mark, &format!("{name}-{at}"), target, By::Include, &takes(pattern))?;
            refused(linked, &["ERROR(greenlet): a section", "takes the stacks", "Leave .sbss out of that section"])?;
        }
    }
    let section = ".bss (NOLOAD) : { *(.bss .bss.*) } > RAM\n}";
    let behind = "}\nINCLUDE greenlet.x\nSECTIONS\n{\n    .bss (NOLOAD) : { *(.bss .bss.* .sbss .sbss.*) } > RAM\n}";
    let linked = link("taken-behind", target, By::Nothing, &[IN_CCM, (section, behind)])?;
    if let Err(errors) = linked {
        return Err(format!("the remedy is none:\n{errors}").into());
    }
    Ok(())
}
