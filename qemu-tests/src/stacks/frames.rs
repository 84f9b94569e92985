//! How much stack each function takes, at each of its instructions: from call frame information.
//!
//! The CFA of a frame is the stack pointer before the call. So its distance from the stack pointer is the stack that
//! the function takes; on x86-64 this includes the return address.

use std::collections::BTreeMap;

use anyhow::Result;
use gimli::{
    BaseAddresses, CfaRule, CieOrFde, DebugFrame, EhFrame, EndianRcSlice, LittleEndian, Register, UnwindContext,
    UnwindSection,
};
use object::{Object, ObjectSection};

use crate::symbols;

type Reader = EndianRcSlice<LittleEndian>;

/// Instructions of a function, and the bytes of stack that it takes there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) start: u64,
    pub(super) end: u64,
    /// `None` if the CFA is computed from the frame pointer, or by an expression.
    pub(super) depth: Option<u64>,
}

/// The rows of each function, by the address at which it begins.
pub(super) type Frames = BTreeMap<u64, Vec<Row>>;

/// Reads the call frame information of `.debug_frame` and `.eh_frame`. `frame_pointer` is its number in DWARF.
pub(super) fn of(file: &object::File<'_>, frame_pointer: Register) -> Result<Frames> {
    let mut frames = Frames::new();
    let address = |name: &str| file.section_by_name(name).map_or(0, |section| section.address());
    let bases = BaseAddresses::default().set_eh_frame(address(".eh_frame")).set_text(address(".text"));
    let mut debug: DebugFrame<Reader> = symbols::section(file, ".debug_frame")?.into();
    let word = symbols::word(file) as u8;
    debug.set_address_size(word);
    let mut eh: EhFrame<Reader> = symbols::section(file, ".eh_frame")?.into();
    eh.set_address_size(word);
    add(&debug, &bases, frame_pointer, &mut frames);
    add(&eh, &bases, frame_pointer, &mut frames);
    Ok(frames)
}

/// Adds the contents of a section. Damaged entries are left out: for these functions the instructions are used.
fn add<S: UnwindSection<Reader>>(section: &S, bases: &BaseAddresses, frame_pointer: Register, frames: &mut Frames)
where
    S::Offset: gimli::UnwindOffset<usize>,
{
    let mut entries = section.entries(bases);
    let mut context = UnwindContext::new();
    while let Ok(Some(entry)) = entries.next() {
        let CieOrFde::Fde(partial) = entry else { continue };
        let Ok(fde) = partial.parse(S::cie_from_offset) else { continue };
        let Ok(mut table) = fde.rows(section, bases, &mut context) else { continue };
        let mut rows = Vec::new();
        while let Ok(Some(row)) = table.next_row() {
            let depth = match *row.cfa() {
                // Another register than these two is a copy of the stack pointer, for the probes of a large frame.
                CfaRule::RegisterAndOffset { register, offset } if register != frame_pointer => offset.try_into().ok(),
                _ => None,
            };
            rows.push(Row { start: row.start_address(), end: row.end_address(), depth });
        }
        // For functions that the linker dropped, entries with the address 0 are left.
        if fde.initial_address() != 0 && !rows.is_empty() {
            frames.insert(fde.initial_address(), rows);
        }
    }
}
