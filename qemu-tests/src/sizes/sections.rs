//! How large the sections of a program are.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use object::{Object, ObjectSection, SectionFlags, elf};

/// The sections that are measured.
pub(super) const MEASURED: [&str; 4] = [".text", ".rodata", ".data", ".bss"];

/// Other sections that a program has in memory: for the start of the machine, and those that do not depend on
/// greenlets.
const OTHERS: [&str; 4] = [".note.pvh", ".boot", ".stack", ".memory"];

/// Bytes of each of the [measured](MEASURED) sections, by its name.
///
/// # Errors
///
/// When the file cannot be read, or has a section in memory that would not be measured.
pub(super) fn of(elf: &Path) -> Result<[(&'static str, u64); 4]> {
    let data = fs::read(elf).with_context(|| format!("cannot read {}", elf.display()))?;
    sizes(&data).with_context(|| elf.display().to_string())
}

/// Bytes of `.text`, of a program that may have any sections beside it.
pub(super) fn text_of(elf: &Path) -> Result<u64> {
    let data = fs::read(elf).with_context(|| format!("cannot read {}", elf.display()))?;
    let file = object::File::parse(&*data)?;
    Ok(file.section_by_name(".text").context("it has no section .text")?.size())
}

fn sizes(data: &[u8]) -> Result<[(&'static str, u64); 4]> {
    let file = object::File::parse(data)?;
    let mut sizes = MEASURED.map(|name| (name, 0));
    for section in file.sections() {
        let name = section.name()?;
        let SectionFlags::Elf { sh_flags } = section.flags() else { continue };
        if sh_flags & u64::from(elf::SHF_ALLOC) == 0 || section.size() == 0 {
            continue;
        }
        match sizes.iter_mut().find(|(measured, _)| *measured == name) {
            Some((_, bytes)) => *bytes += section.size(),
            None => ensure!(
                OTHERS.contains(&name),
                "the section {name} is not measured: give it a place in sizes.ld, or in this list of others"
            ),
        }
    }
    ensure!(sizes[0].1 > 0, "it has no section .text");
    Ok(sizes)
}
