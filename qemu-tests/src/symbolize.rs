//! Translates addresses of code in a program's output to functions and lines.
//!
//! ```text
//! # pc  0000000040080a4c  sp  000000004014dfa0  state    0000000060000305
//! #   0x40080a4c: fault::main::{closure#0}::{closure#1} at qemu-tests/guests/src/bin/fault.rs:33
//! ```
//!
//! The second line is a note; notes are not compared. It follows each line with an address in the program's code: a
//! number with `0x`, or the value of a register that holds such addresses, as in reports of faults.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, BufRead as _, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::symbols::{REMEDY, Symbols};

/// The registers of code: the program counter and the return address, by the names that reports give them.
const REGISTERS: [&str; 9] = ["pc", "elr", "lr", "x30", "rip", "eip", "ra", "mepc", "sepc"];

/// Those that hold a return address.
const RETURNS: [&str; 3] = ["lr", "x30", "ra"];

/// Functions that are shown at most: the innermost ones of an address that is inlined more often.
const SHOWN: usize = 8;

/// `cargo xtask symbolize ELF < LOG`: prints the log with its notes.
///
/// # Errors
///
/// When the file is no program with functions, and when no address of the log is in its code.
pub fn show(elf: &Path) -> Result<()> {
    let symbols = Symbols::of(elf)?;
    if !symbols.has_lines() {
        eprintln!("warning: {} has no debug information, so there are functions and no lines: {REMEDY}", elf.display());
    }
    let (mut out, mut found) = (io::stdout().lock(), false);
    for line in io::stdin().lock().split(b'\n') {
        let line = line.context("cannot read the log from standard input")?;
        let notes = notes(&symbols, &String::from_utf8_lossy(&line));
        found |= !notes.is_empty();
        out.write_all(&line).and_then(|()| out.write_all(b"\n"))?;
        out.write_all(notes.as_bytes())?;
    }
    ensure!(found, "no address in the log is in the code of {}: is the log of another build?", elf.display());
    Ok(())
}

/// The notes of all lines of a transcript, each below its line; empty if there is none.
#[must_use]
pub fn block(elf: &Path, transcript: &str) -> String {
    let mut stream = Stream::new(elf);
    let noted = transcript.lines().map(|line| (line, stream.notes(line)));
    noted.filter(|(_, notes)| !notes.is_empty()).map(|(line, notes)| format!("{line}\n{notes}")).collect()
}

/// Adds notes to the output of a program while it arrives.
pub struct Stream {
    elf: PathBuf,
    /// Read when the first address arrives. The inner value is `None` if that failed.
    symbols: Option<Option<Symbols>>,
    /// A line whose end has not arrived yet.
    begun: Vec<u8>,
}

impl Stream {
    /// Creates a stream for the program in the file `elf`.
    #[must_use]
    pub fn new(elf: &Path) -> Self {
        Self { elf: elf.to_owned(), symbols: None, begun: Vec::new() }
    }

    /// Writes `piece` to `out` at once, with notes below each line that ends in it.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn pass(&mut self, piece: &[u8], out: &mut impl Write) -> io::Result<()> {
        for part in piece.split_inclusive(|&byte| byte == b'\n') {
            out.write_all(part)?;
            self.begun.extend_from_slice(part);
            if part.ends_with(b"\n") {
                let line = std::mem::take(&mut self.begun);
                let notes = self.notes(String::from_utf8_lossy(&line).trim_end());
                out.write_all(notes.as_bytes())?;
            }
        }
        Ok(())
    }

    /// The notes of `line`. Without functions, the first line with an address gets the reason.
    fn notes(&mut self, line: &str) -> String {
        if addresses(line).is_empty() {
            return String::new();
        }
        if self.symbols.is_none() {
            match Symbols::of(&self.elf) {
                Ok(symbols) => self.symbols = Some(Some(symbols)),
                Err(problem) => {
                    self.symbols = Some(None);
                    return format!("#   no functions of addresses: {problem:#}\n");
                }
            }
        }
        self.symbols.as_ref().and_then(Option::as_ref).map_or_else(String::new, |symbols| notes(symbols, line))
    }
}

/// The notes below `line`.
fn notes(symbols: &Symbols, line: &str) -> String {
    let mut notes = String::new();
    let mut seen = BTreeSet::new();
    for Address { value, is_return } in addresses(line) {
        if !symbols.is_code(value) || !seen.insert(value) {
            continue;
        }
        // The instruction before a return address is the call, which may be the last of its function.
        let places = symbols.at(value.saturating_sub(u64::from(is_return)));
        for (index, place) in places.iter().take(SHOWN).enumerate() {
            let start = if index == 0 { format!("{value:#x}:") } else { "  inlined into".to_owned() };
            let _infallible = writeln!(notes, "#   {start} {place}");
        }
    }
    notes
}

/// A number in a line that may be an address of code.
#[derive(Debug, PartialEq, Eq)]
struct Address {
    value: u64,
    is_return: bool,
}

fn addresses(line: &str) -> Vec<Address> {
    let mut found = Vec::new();
    let mut before = "";
    for word in line.split(|character: char| !character.is_ascii_alphanumeric() && character != '_') {
        if word.is_empty() {
            continue;
        }
        let hex = |digits: &str| u64::from_str_radix(digits, 16).ok();
        let value = match word.strip_prefix("0x") {
            Some(digits) => hex(digits),
            None if REGISTERS.contains(&before) && matches!(word.len(), 8 | 16) => hex(word),
            None => None,
        };
        found.extend(value.map(|value| Address { value, is_return: RETURNS.contains(&before) }));
        before = word;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(line: &str) -> Vec<(u64, bool)> {
        addresses(line).iter().map(|address| (address.value, address.is_return)).collect()
    }

    #[test]
    fn registers_of_code_and_numbers_with_0x_are_addresses() {
        assert_eq!(values("# pc  0000000040080a4c  sp  000000004014dfa0"), [(0x4008_0a4c, false)]);
        assert_eq!(values("# x28 0000000000000000 x29 0000000040000000 x30 0000000040080a50"), [(0x4008_0a50, true)]);
        assert_eq!(values("# rip 0000000000100a4c  error 0002  vector 14"), [(0x10_0a4c, false)]);
        assert_eq!(values("greenlet 1 \"a\": suspended at 0x40086a10, stack 1376/8192"), [(0x4008_6a10, false)]);
        assert_eq!(values("lr=0x400, 12345678 0xnone"), [(0x400, true)]);
    }

    #[test]
    fn a_file_without_functions_is_said_once() {
        let mut stream = Stream::new(Path::new("/nosuch"));
        let mut out = Vec::new();
        for piece in ["no address\nat 0x", "40\nat 0x41\n", "an open line 0x42"] {
            stream.pass(piece.as_bytes(), &mut out).unwrap();
        }
        let out = String::from_utf8(out).unwrap();
        let lines: Vec<_> = out.lines().collect();
        assert_eq!(lines.len(), 5, "{out}");
        assert!(lines[2].starts_with("#   no functions of addresses: cannot read /nosuch"), "{out}");
        assert_eq!([lines[0], lines[1], lines[3], lines[4]], ["no address", "at 0x40", "at 0x41", "an open line 0x42"]);
    }
}
