//! Compares the instructions before which a guest was interrupted with those in its ELF file.
//!
//! A guest with `hits` in its head prints two sets of addresses as notes: where interrupts came by single steps, or in
//! pairs where the processor has no steps; and by the timer. Both must contain every instruction of the assembly of a
//! switch, in all places into which it is inlined. For all other code, the entry included, the two sets must be
//! equal: what only one has was missed by the other.
//!
//! ```text
//! # hit steps 40081200 8000000000000001      printed by the guest: an address, and which of 64 units from there on
//! DONE 130/130
//! interrupted before each instruction:       added by the host, with the counts
//! # switch, 3 times: 24 of 24 by steps, 24 of 24 by the timer
//! ```

mod code;
mod decode;
mod halves;
mod parts;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use code::Code;
use parts::Part;

/// The line that the block begins with.
const HEAD: &str = "interrupted before each instruction:\n";

/// Addresses of instructions.
type Addresses = BTreeSet<u64>;

/// The block that follows the transcript of a guest in the file `elf`.
///
/// # Errors
///
/// If an instruction was missed, or an address was hit where no instruction begins, or the file cannot be read. The
/// message says which.
pub fn block(elf: &Path, transcript: &str) -> Result<String> {
    let file = fs::read(elf).with_context(|| format!("cannot read {}", elf.display()))?;
    let code = Code::of(&file).with_context(|| format!("cannot read the code of {}", elf.display()))?;
    let first = if transcript.contains("# hit pairs ") { "pairs" } else { "steps" };
    let steps = hits(transcript, first, code.unit)?;
    let timer = hits(transcript, "timer", code.unit)?;
    let ran: Addresses = steps.union(&timer).copied().collect();
    for &address in &ran {
        ensure!(code.begins_at(address), "an interrupt came at {address:#x}, where no instruction begins");
    }

    let mut block = HEAD.to_owned();
    let all = Part { name: "all that ran".to_owned(), addresses: ran };
    for Part { name, addresses } in parts::of(&code, &all.addresses)?.iter().chain([&all]) {
        write!(block, "# {name}:")?;
        for (way, hits, end) in [(first, &steps, ','), ("the timer", &timer, '\n')] {
            let missed: Vec<_> = addresses.difference(hits).collect();
            ensure!(missed.is_empty(), "{name}: {} not interrupted by {way}:{}", missed.len(), listed(&code, &missed));
            write!(block, " {0} of {0} by {way}{end}", addresses.len())?;
        }
    }
    Ok(block)
}

/// The first few of `addresses`, each in a line, with the functions that they are in.
fn listed(code: &Code, addresses: &[&u64]) -> String {
    const SHOWN: usize = 10;
    let line = |address: &&u64| {
        let function = code.function_at(**address).map_or("no function", |function| &function.name);
        format!("\n  {address:#x} in {function}")
    };
    addresses.iter().take(SHOWN).map(line).collect()
}

/// Reads the set that a guest printed under a name from its transcript. Each bit of a word stands for `unit` bytes.
fn hits(transcript: &str, name: &str, unit: u64) -> Result<Addresses> {
    let prefix = format!("# hit {name} ");
    let mut hits = Addresses::new();
    for line in transcript.lines() {
        let Some(words) = line.strip_prefix(&prefix) else { continue };
        let hex = |word: Option<&str>| word.and_then(|word| u64::from_str_radix(word, 16).ok());
        let mut words = words.split(' ');
        let (Some(start), Some(bits), None) = (hex(words.next()), hex(words.next()), words.next()) else {
            bail!("the guest printed `{line}`: two hexadecimal numbers belong there");
        };
        hits.extend((0..64).filter(|bit| bits >> bit & 1 == 1).map(|bit| start + bit * unit));
    }
    ensure!(!hits.is_empty(), "the guest printed no line `{prefix}...`");
    Ok(hits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stands_for_64_units() {
        let transcript = "# hit steps 1000 8000000000000001\n# hit timer 2000 2\nhit steps 1 1\n";
        assert_eq!(hits(transcript, "steps", 4).unwrap(), Addresses::from([0x1000, 0x10fc]));
        assert_eq!(hits(transcript, "timer", 1).unwrap(), Addresses::from([0x2001]));
    }

    #[test]
    fn nothing_hit_and_half_a_line_are_errors() {
        assert!(hits("DONE 1/1\n", "steps", 1).is_err());
        assert!(hits("# hit steps 1000\n", "steps", 1).is_err());
        assert!(hits("# hit steps 1000 1 1\n", "steps", 1).is_err());
        assert!(hits("# hit steps 1000 x\n", "steps", 1).is_err());
    }
}
