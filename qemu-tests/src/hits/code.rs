//! The code of a guest: its functions, and where in them an instruction begins.

use std::collections::BTreeMap;
use std::ops::Range;

use anyhow::{Context, Result, bail, ensure};
use object::{Architecture, Object, ObjectSection, ObjectSymbol, SymbolKind};

use super::decode::{self, Instruction};
use super::halves;

/// All functions of a guest.
pub(super) struct Code {
    /// By their addresses.
    functions: BTreeMap<u64, Function>,
    /// An instruction begins at multiples of this.
    pub(super) unit: u64,
}

/// A function.
pub(super) struct Function {
    /// Its name in the symbol table, where the name in the source is a part of it.
    pub(super) name: String,
    /// All of it, in the order of addresses.
    pub(super) instructions: Vec<Instruction>,
}

impl Code {
    /// Decodes every function of an ELF file.
    pub(super) fn of(file: &[u8]) -> Result<Self> {
        let file = object::File::parse(file)?;
        let (unit, decode) = match file.architecture() {
            Architecture::Aarch64 => (4, decode::aarch64 as fn(&[u8], u64) -> Vec<_>),
            Architecture::X86_64 => (1, decode::x86_64 as fn(&[u8], u64) -> Vec<_>),
            Architecture::Riscv32 | Architecture::Riscv64 => (2, halves::riscv as fn(&[u8], u64) -> Vec<_>),
            // Bit 0 of a code address says that it is Thumb. The guest has a bit for each two bytes in any case.
            Architecture::Arm if file.entry() & 1 == 0 => (2, decode::arm as fn(&[u8], u64) -> Vec<_>),
            Architecture::Arm => (2, halves::thumb as fn(&[u8], u64) -> Vec<_>),
            other => bail!("no decoder for instructions of {other:?}"),
        };
        let data = data_in_code(&file);
        let mut functions = BTreeMap::new();
        for symbol in file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 0) {
            let name = symbol.name()?.to_owned();
            let section = symbol.section_index().with_context(|| format!("{name} is in no section"))?;
            // Bit 0 of a function's address says that it is Thumb.
            let address = symbol.address() & !(unit - 1);
            let bytes = file.section_by_index(section)?.data_range(address, symbol.size())?;
            let bytes = bytes.with_context(|| format!("{name} is not all in its section"))?;
            let mut instructions = Vec::new();
            for piece in without_data(address..address + symbol.size(), &data) {
                let [from, to] = [piece.start, piece.end].map(|at| (at - address) as usize);
                instructions.extend(decode(&bytes[from..to], piece.start));
            }
            functions.insert(address, Function { name, instructions });
        }
        ensure!(!functions.is_empty(), "there is no function in its symbol table");
        Ok(Self { functions, unit })
    }

    /// All of them.
    pub(super) fn functions(&self) -> impl Iterator<Item = &Function> {
        self.functions.values()
    }

    /// The functions with these consecutive words in their path, such as `["life", "entry"]`, and the closures in them.
    pub(super) fn named(&self, words: &[&str]) -> impl Iterator<Item = &Function> {
        // Both schemes by which Rust mangles names put the length of a word before it.
        let part: String = words.iter().map(|word| format!("{}{word}", word.len())).collect();
        self.functions().filter(move |function| function.name.contains(&part))
    }

    /// The function that contains `address`.
    pub(super) fn function_at(&self, address: u64) -> Option<&Function> {
        let (_, function) = self.functions.range(..=address).next_back()?;
        function.instructions.last().is_some_and(|last| address <= last.address).then_some(function)
    }

    /// Whether an instruction begins at `address`.
    pub(super) fn begins_at(&self, address: u64) -> bool {
        self.function_at(address)
            .is_some_and(|function| function.instructions.iter().any(|instruction| instruction.address == address))
    }
}

/// Where data begins in code, and where code begins again, in the order of addresses: `true` for data. Assemblers mark
/// these places with symbols; where the marks say nothing else, there is code.
fn data_in_code(file: &object::File<'_>) -> BTreeMap<u64, bool> {
    let mark = |symbol: object::Symbol<'_, '_>| {
        let is_data = match symbol.name().ok()?.as_bytes() {
            [b'$', b'd', ..] => true,
            [b'$', b'a' | b't' | b'x', ..] => false,
            _ => return None,
        };
        Some((symbol.address() & !1, is_data))
    };
    file.symbols().filter_map(mark).collect()
}

/// The parts of `range` that are code.
fn without_data(range: Range<u64>, data: &BTreeMap<u64, bool>) -> Vec<Range<u64>> {
    let mut pieces = Vec::new();
    let mut from = Some(range.start);
    for (&at, &is_data) in data.range(range.clone()) {
        match from {
            Some(start) if is_data => {
                pieces.push(start..at);
                from = None;
            }
            None if !is_data => from = Some(at),
            _ => {}
        }
    }
    pieces.extend(from.map(|start| start..range.end));
    pieces.retain(|piece| !piece.is_empty());
    pieces
}
