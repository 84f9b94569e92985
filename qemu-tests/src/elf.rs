//! Which machine an ELF or PE file is for, read from its header.
//!
//! `run-elf` is cargo's runner for every bare target and gets nothing but the path of a file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::machine::{self, Machine};

/// The machine that boots the ELF file at `path`, or the PE file, which is for UEFI.
///
/// # Errors
///
/// When the file cannot be read, is neither a little-endian ELF file nor a PE file, or is for an architecture that no
/// [`Machine`] has.
pub fn machine_of(path: &Path) -> Result<&'static Machine> {
    // EI_CLASS.
    const BITS_32: u8 = 1;
    const BITS_64: u8 = 2;
    let mut header = [0; 28];
    File::open(path)
        .and_then(|mut file| file.read_exact(&mut header))
        .with_context(|| format!("cannot read an ELF header from {}", path.display()))?;
    if header.starts_with(b"MZ") {
        return machine_of_pe(path);
    }
    ensure!(header.starts_with(b"\x7fELF"), "{} is not an ELF file", path.display());
    // EI_DATA 1 is little-endian.
    ensure!(header[5] == 1, "{} is not a little-endian ELF file", path.display());
    // e_machine, by the ELF specification's registry.
    let name = match (u16::from_le_bytes([header[18], header[19]]), header[4]) {
        (183, BITS_64) => "aarch64",
        // e_entry tells the boards apart. A Cortex-M4 runs what a Cortex-M3 does.
        (40, BITS_32) if header[27] >= 0x80 => "thumbv8m",
        (40, BITS_32) if header[27] >= 0x40 => "armv7a",
        (40, BITS_32) => "thumbv7em",
        (258, BITS_64) => "loongarch64",
        (243, BITS_32) => "riscv32",
        (243, BITS_64) => "riscv64",
        (62, BITS_64) => "x86_64",
        (other, _) => bail!(
            "{} is for ELF machine {other}; this boots AArch64 (183), Arm (40), RISC-V (243), LoongArch (258) and x86-64 (62)",
            path.display()
        ),
    };
    machine::named(name).with_context(|| format!("no machine is called {name}"))
}

/// The machine that boots the PE file at `path`.
fn machine_of_pe(path: &Path) -> Result<&'static Machine> {
    let mut file = File::open(path)?;
    let mut bytes = |at: u64| -> io::Result<[u8; 6]> {
        let mut bytes = [0; 6];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    };
    // e_lfanew of the header for DOS says where the header for PE is.
    let [a, b, c, d, ..] = bytes(0x3c)?;
    let header = bytes(u32::from_le_bytes([a, b, c, d]).into())?;
    ensure!(header.starts_with(b"PE\0\0"), "{} is a program for DOS", path.display());
    // Machine, by the PE specification's registry.
    let name = match u16::from_le_bytes([header[4], header[5]]) {
        0x8664 => "uefi",
        0xaa64 => "uefi-aarch64",
        other => bail!("{} is for PE machine {other:#x}; this boots 0x8664 and 0xaa64", path.display()),
    };
    machine::named(name).with_context(|| format!("no machine is called {name}"))
}
