//! What of a processor matters for greenlets: its registers, and how a switch by `up` is marked.

use anyhow::{Context as _, Result};
use object::{Architecture, Object};

use crate::symbols;

/// How many registers a walk follows.
pub const REGISTERS: usize = 33;

/// An instruction set. Registers are numbered as GDB does, from 0; all before the program counter have a word.
#[derive(Debug)]
pub struct Isa {
    /// Which it is.
    architecture: Architecture,
    /// Bytes of a word.
    pub word: usize,
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
    architecture: Architecture::Aarch64,
    word: 8,
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
    architecture: Architecture::X86_64,
    word: 8,
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
static RISCV64: Isa = Isa {
    architecture: Architecture::Riscv64,
    word: 8,
    pc: 32,
    sp: 2,
    frame: 8,
    reserved: 9,
    from: 11,
    mark: &[0x10, 0],
    pushes_flags: None,
    dwarf: &[],
};
static RISCV32: Isa = Isa { architecture: Architecture::Riscv32, word: 4, ..RISCV64 };
static CORTEX_M: Isa = Isa {
    architecture: Architecture::Arm,
    word: 4,
    pc: 15,
    sp: 13,
    frame: 7,
    reserved: 6,
    from: 1,
    mark: &0xde67_u16.to_le_bytes(),
    pushes_flags: None,
    dwarf: &[],
};
/// All of them.
static ALL: [&Isa; 5] = [&AARCH64, &X86_64, &RISCV64, &RISCV32, &CORTEX_M];

impl Isa {
    /// That of a program.
    ///
    /// # Errors
    ///
    /// When the crate has no stack switch for it.
    pub fn of(file: &object::File<'_>) -> Result<&'static Self> {
        let its = file.architecture();
        ALL.into_iter()
            .find(|isa| isa.architecture == its)
            .with_context(|| format!("it is for {its:?}: greenlets are shown on AArch64, Cortex-M, RISC-V and x86-64"))
    }

    /// Whether it is RISC-V's.
    #[must_use]
    pub fn is_riscv(&self) -> bool {
        [Architecture::Riscv32, Architecture::Riscv64].contains(&self.architecture)
    }

    /// The address of an instruction, by what a register or a word of memory has.
    #[must_use]
    pub fn code(&self, address: u64) -> u64 {
        symbols::code(self.architecture, address)
    }

    /// GDB's number of a register by DWARF's; `None` for one that a walk does not follow.
    #[must_use]
    pub fn register(&self, dwarf: u16) -> Option<usize> {
        let number = usize::from(dwarf);
        Some(self.dwarf.get(number).copied().unwrap_or(number)).filter(|&number| number < REGISTERS)
    }
}
