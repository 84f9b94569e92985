//! Finds the parts of a guest that are the assembly of `arch/`, by its pattern, wherever it was inlined; and the
//! function that a fresh context calls.
//!
//! ```text
//!   switch       takes the address behind it ... loads the other stack ... jumps, perhaps with a mark behind the jump, and with what
//!                follows a failed test
//!   end                                          loads the other stack ... jumps
//!   trampoline   calls the entry, and a trap behind that, which is never reached
//!   entry        found by its name, with its closures: one for each type of a body, some of which never start or are only started
//!                by a value; so of these, what ran
//! ```

use anyhow::{Result, ensure};

use super::Addresses;
use super::code::Code;
use super::decode::{Instruction, Kind};

/// The most units of an instruction set between the jump of a switch and its resume address: a mark, on aarch64 one
/// more instruction for a test that fails, and in Thumb-1 what aligns a mark of two.
const BEHIND: u64 = 3;

/// Instructions that belong together.
pub(super) struct Part {
    /// The name of the part, and how often it occurs.
    pub(super) name: String,
    pub(super) addresses: Addresses,
}

impl Part {
    /// # Errors
    ///
    /// If there is none: the pattern does not match any more.
    fn new(name: &str, places: &[&[Instruction]]) -> Result<Self> {
        ensure!(!places.is_empty(), "no {name} in the guest looks like the one in arch/");
        let addresses = places.iter().copied().flatten().map(|instruction| instruction.address).collect();
        Ok(Self { name: format!("{name}, {} times", places.len()), addresses })
    }
}

/// All of them. `ran` are the instructions that ran at all.
///
/// # Errors
///
/// When there is none of one kind.
pub(super) fn of(code: &Code, ran: &Addresses) -> Result<[Part; 4]> {
    let (mut switches, mut ends) = (Vec::new(), Vec::new());
    for function in code.functions() {
        let instructions = &function.instructions;
        for (index, jump) in instructions.iter().enumerate().filter(|(_, at)| at.kind == Kind::Jumps) {
            let resumes = jump.end..=jump.end + BEHIND * code.unit;
            let takes = |kind| matches!(kind, Kind::TakesAddress(address) if resumes.contains(&address));
            if let Some(place) = straight(instructions, index, takes) {
                switches.push(place);
            } else if let Some(place) = straight(instructions, index, |kind| kind == Kind::LoadsStack) {
                ends.push(place);
            }
            // Otherwise the jump is not one of the assembly.
        }
    }
    let trampolines: Vec<_> = code
        .named(&["trampoline"])
        .filter_map(|function| {
            let call = function.instructions.iter().position(|at| at.kind == Kind::CallsEntry)?;
            function.instructions.get(..=call)
        })
        .collect();
    let entries = code.named(&["life", "entry"]).map(|function| &function.instructions[..]);
    let ran = |at: &Instruction| ran.contains(&at.address);
    let entries: Vec<_> = entries.filter(|instructions| instructions.iter().any(ran)).collect();
    let mut entry = Part::new("entry", &entries)?;
    entry.addresses = entries.iter().copied().flatten().filter(|at| ran(at)).map(|at| at.address).collect();
    Ok([Part::new("switch", &switches)?, Part::new("end", &ends)?, Part::new("trampoline", &trampolines)?, entry])
}

/// The instructions up to that at `jump`, from the last on that it may begin with, if that is near.
fn straight(instructions: &[Instruction], jump: usize, begins: impl Fn(Kind) -> bool) -> Option<&[Instruction]> {
    /// More than there are in a switch.
    const LONGEST: usize = 40;
    let from = jump.saturating_sub(LONGEST);
    let first = instructions[from..jump].iter().rposition(|at| begins(at.kind))?;
    Some(&instructions[from + first..=jump])
}
