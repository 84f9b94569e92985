//! A walk along a stack by call frame information, as a debugger does it.
//!
//! It ends at the base of the stack: the trampoline's caller is found by an expression, because it is on another stack.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use gimli::{
    BaseAddresses, CfaRule, CieOrFde, DebugFrame, EhFrame, EndianRcSlice, FrameDescriptionEntry, LittleEndian,
    RegisterRule, UnwindContext, UnwindOffset, UnwindSection,
};
use object::{Object, ObjectSection};

use crate::greenlets::{Isa, REGISTERS};
use crate::stub::Stub;
use crate::symbols;

type Reader = EndianRcSlice<LittleEndian>;
type Function = FrameDescriptionEntry<Reader>;

/// The registers of a frame, by GDB's numbers, as far as they are known.
pub(super) type Registers = [Option<u64>; REGISTERS];

/// Frames of a stack, at most.
const FRAMES: usize = 64;

/// The call frame information of a program.
pub(super) struct Walk {
    bases: BaseAddresses,
    debug: DebugFrame<Reader>,
    eh: EhFrame<Reader>,
    /// By the address at which a function begins; whether it is of `eh`.
    functions: BTreeMap<u64, (Function, bool)>,
}

/// A step of a walk.
struct Step {
    registers: Registers,
    /// Whether the frame that was left is one of a signal: its caller was interrupted at its address.
    is_signal: bool,
}

impl Walk {
    /// Reads the ELF file at `path`.
    pub(super) fn of(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let file = symbols::parse(&bytes, path)?;
        let address = |name: &str| file.section_by_name(name).map_or(0, |section| section.address());
        let bases = BaseAddresses::default().set_eh_frame(address(".eh_frame")).set_text(address(".text"));
        let mut debug: DebugFrame<Reader> = symbols::section(&file, ".debug_frame")?.into();
        let word = symbols::word(&file) as u8;
        debug.set_address_size(word);
        let mut eh: EhFrame<Reader> = symbols::section(&file, ".eh_frame")?.into();
        eh.set_address_size(word);
        let mut functions = BTreeMap::new();
        add(&debug, &bases, false, &mut functions);
        add(&eh, &bases, true, &mut functions);
        Ok(Self { bases, debug, eh, functions })
    }

    /// Addresses in the functions of a stack, the innermost first: of a caller, one in its call.
    pub(super) fn addresses(&self, isa: &Isa, mut registers: Registers, stub: &mut Stub) -> Vec<u64> {
        let mut found = Vec::new();
        let mut is_call = false;
        while let (Some(pc), true) = (registers[isa.pc], found.len() < FRAMES) {
            let address = pc.saturating_sub(u64::from(is_call));
            found.push(address);
            let Some(step) = self.step(isa, &registers, address, stub) else { break };
            is_call = !step.is_signal;
            registers = step.registers;
        }
        found
    }

    /// The caller's registers; `None` where there is none.
    fn step(&self, isa: &Isa, registers: &Registers, address: u64, stub: &mut Stub) -> Option<Step> {
        let (_, (function, is_eh)) = self.functions.range(..=address).next_back()?;
        if !function.contains(address) {
            return None;
        }
        if *is_eh {
            caller(function, &self.eh, &self.bases, isa, registers, address, stub)
        } else {
            caller(function, &self.debug, &self.bases, isa, registers, address, stub)
        }
    }
}

fn caller<S: UnwindSection<Reader>>(
    function: &Function,
    section: &S,
    bases: &BaseAddresses,
    isa: &Isa,
    registers: &Registers,
    address: u64,
    stub: &mut Stub,
) -> Option<Step>
where
    S::Offset: UnwindOffset<usize>,
{
    let mut context = UnwindContext::new();
    let row = function.unwind_info_for_address(section, bases, &mut context, address).ok()?;
    let known = |register: gimli::Register| isa.register(register.0).and_then(|number| registers[number]);
    let cfa = match row.cfa() {
        CfaRule::RegisterAndOffset { register, offset } => known(*register)?.checked_add_signed(*offset)?,
        CfaRule::Expression(_) => return None,
    };
    let mut word = |offset: i64| Some(symbols::number(&stub.memory(cfa.wrapping_add_signed(offset), isa.word).ok()?));
    let mut next = *registers;
    next[isa.sp] = Some(cfa);
    for (register, rule) in row.registers() {
        let Some(number) = isa.register(register.0) else { continue };
        next[number] = match rule {
            RegisterRule::SameValue => registers[number],
            RegisterRule::Offset(offset) => word(*offset),
            RegisterRule::ValOffset(offset) => Some(cfa.wrapping_add_signed(*offset)),
            RegisterRule::Register(other) => known(*other),
            _ => None,
        };
    }
    let resumes = next[isa.register(function.cie().return_address_register().0)?];
    next[isa.pc] = resumes.map(|address| isa.code(address));
    Some(Step { registers: next, is_signal: function.is_signal_trampoline() })
}

/// Adds the functions of a section. What of it is damaged is left out: a walk ends there.
fn add<S: UnwindSection<Reader>>(
    section: &S,
    bases: &BaseAddresses,
    is_eh: bool,
    functions: &mut BTreeMap<u64, (Function, bool)>,
) where
    S::Offset: UnwindOffset<usize>,
{
    let mut entries = section.entries(bases);
    while let Ok(Some(entry)) = entries.next() {
        let CieOrFde::Fde(partial) = entry else { continue };
        let Ok(function) = partial.parse(S::cie_from_offset) else { continue };
        // The linker leaves entries of functions that it dropped, at address 0.
        if function.initial_address() != 0 {
            functions.insert(function.initial_address(), (function, is_eh));
        }
    }
}
