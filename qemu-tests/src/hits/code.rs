//! The code of a guest: its functions, and where in them an instruction begins.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use object::{Architecture, Object, ObjectSection, ObjectSymbol, SymbolKind};

use super::decode::{self, Instruction};

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
            other => bail!("no decoder for instructions of {other:?}"),
        };
        let mut functions = BTreeMap::new();
        for symbol in file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 0) {
            let name = symbol.name()?.to_owned();
            let section = symbol.section_index().with_context(|| format!("{name} is in no section"))?;
            let bytes = file.section_by_index(section)?.data_range(symbol.address(), symbol.size())?;
            let bytes = bytes.with_context(|| format!("{name} is not all in its section"))?;
            functions.insert(symbol.address(), Function { name, instructions: decode(bytes, symbol.address()) });
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
