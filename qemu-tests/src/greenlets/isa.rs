//! What of a processor matters for greenlets: its registers, and how a switch by `up` is marked.

use anyhow::{Result, bail};
use object::{Architecture, Object};

/// How many registers a walk follows.
pub const REGISTERS: usize = 33;

/// An instruction set. Registers are numbered as GDB does, from 0; all before the program counter have 8 bytes.
#[derive(Debug)]
pub struct Isa {
    /// The program counter.
    pub pc: usize,
    /// The stack pointer.
    pub sp: usize,
    /// The frame pointer.
    pub frame: usize,
    /// The register that LLVM reserves, which a switch saves.
    pub reserved: usize,
    /// The register with the context that a switch leaves, up to its jump.
    pub from: usize,
    /// The bytes before the resume address of an `up`.
    pub mark: &'static [u8],
    /// The one-byte instruction that reads the interrupt flag by way of the stack: until the next one has undone that,
    /// call frame information is wrong.
    pub pushes_flags: Option<u8>,
    /// DWARF's numbers of the first registers, where they differ.
    dwarf: &'static [usize],
}

static AARCH64: Isa = Isa {
    pc: 32,
    sp: 31,
    frame: 29,
    reserved: 19,
    from: 1,
    mark: &0xd280_0002_u32.to_le_bytes(),
    pushes_flags: None,
    dwarf: &[],
};
// rax, rbx, rcx, rdx are 0, 1, 2, 3; DWARF has rdx, rcx, rbx at 1, 2, 3.
static X86_64: Isa = Isa {
    pc: 16,
    sp: 7,
    frame: 6,
    reserved: 1,
    from: 4,
    mark: &[0xcc],
    pushes_flags: Some(0x9c),
    dwarf: &[0, 3, 2, 1],
};
// The upper half of `ebreak` in four bytes.
static RISCV64: Isa =
    Isa { pc: 32, sp: 2, frame: 8, reserved: 9, from: 11, mark: &[0x10, 0], pushes_flags: None, dwarf: &[] };

impl Isa {
    /// That of a program.
    ///
    /// # Errors
    ///
    /// When the crate has no stack switch for it.
    pub fn of(file: &object::File<'_>) -> Result<&'static Self> {
        Ok(match file.architecture() {
            Architecture::Aarch64 => &AARCH64,
            Architecture::X86_64 => &X86_64,
            Architecture::Riscv64 => &RISCV64,
            other => bail!("it is for {other:?}: greenlets are shown on AArch64, x86-64 and 64-bit RISC-V"),
        })
    }

    /// GDB's number of a register by DWARF's; `None` for one that a walk does not follow.
    #[must_use]
    pub fn register(&self, dwarf: u16) -> Option<usize> {
        let number = usize::from(dwarf);
        Some(self.dwarf.get(number).copied().unwrap_or(number)).filter(|&number| number < REGISTERS)
    }
}
