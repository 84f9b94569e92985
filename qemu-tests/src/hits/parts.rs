//! The parts of a guest that are the assembly of `arch/`: found by what it looks like, wherever it was inlined. And the function
//! that a fresh context calls.
//!
//! ```text
//!   switch       takes the address behind it ... loads the other stack ... jumps
//!   depart                                       loads the other stack ... jumps
//!   trampoline   calls the entry, and a trap behind that, which is never reached
//!   entry        found by its name, with its closures
//! ```

use anyhow::{Result, ensure};

use super::Addresses;
use super::code::Code;
use super::decode::{Instruction, Kind};

/// Instructions that belong together.
pub(super) struct Part {
    /// What they are, and how often that is there.
    pub(super) name: String,
    pub(super) addresses: Addresses,
}

impl Part {
    /// # Errors
    ///
    /// When there is none: it does not look as described above any more.
    fn new(name: &str, places: &[&[Instruction]]) -> Result<Self> {
        ensure!(!places.is_empty(), "no {name} in the guest looks like the one in arch/");
        let addresses = places.iter().copied().flatten().map(|instruction| instruction.address).collect();
        Ok(Self { name: format!("{name}, {} times", places.len()), addresses })
    }
}

/// All of them.
///
/// # Errors
///
/// When there is none of one kind.
pub(super) fn of(code: &Code) -> Result<[Part; 4]> {
    let (mut switches, mut departs) = (Vec::new(), Vec::new());
    for function in code.functions() {
        let instructions = &function.instructions;
        for (index, jump) in instructions.iter().enumerate().filter(|(_, at)| at.kind == Kind::Jumps) {
            if let Some(place) = straight(instructions, index, Kind::TakesAddress(jump.end)) {
                switches.push(place);
            } else if let Some(place) = straight(instructions, index, Kind::LoadsStack) {
                departs.push(place);
            }
            // Else it is a jump of the compiler's.
        }
    }
    let trampolines: Vec<_> = code
        .named(&["trampoline"])
        .filter_map(|function| {
            let call = function.instructions.iter().position(|at| at.kind == Kind::CallsEntry)?;
            function.instructions.get(..=call)
        })
        .collect();
    let entries: Vec<_> = code.named(&["life", "entry"]).map(|function| &function.instructions[..]).collect();
    Ok([
        Part::new("switch", &switches)?,
        Part::new("depart", &departs)?,
        Part::new("trampoline", &trampolines)?,
        Part::new("entry", &entries)?,
    ])
}

/// The instructions up to that at `jump`, from the last of a kind on, if it is near.
fn straight(instructions: &[Instruction], jump: usize, begins: Kind) -> Option<&[Instruction]> {
    /// More than there are in a switch.
    const LONGEST: usize = 40;
    let from = jump.saturating_sub(LONGEST);
    let first = instructions[from..jump].iter().rposition(|at| at.kind == begins)?;
    Some(&instructions[from + first..=jump])
}
