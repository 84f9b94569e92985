//! Functions and lines of addresses, from the symbol table and the debug information of an ELF file.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::rc::Rc;

use anyhow::{Context as _, Result, bail, ensure};
use gimli::{Dwarf, EndianRcSlice, LittleEndian, SectionId};
use object::{Architecture, Object, ObjectSection, ObjectSymbol, SectionFlags, SymbolKind};

use crate::places;

type Lines = addr2line::Context<EndianRcSlice<LittleEndian>>;

/// The remedy if a program has no functions and lines.
pub const REMEDY: &str = "build it with `debug = \"line-tables-only\"` in its profile, and without `strip`";

/// The functions and lines of a program.
pub struct Symbols {
    /// `None` without debug information.
    lines: Option<Lines>,
    /// From the symbol table: where each function begins and ends, and its name.
    functions: BTreeMap<u64, (u64, String)>,
    /// The address ranges of instructions.
    code: Vec<Range<u64>>,
}

/// A function, with its place in the source, if that is known.
#[derive(Debug, PartialEq, Eq)]
pub struct Place {
    /// Its path.
    pub function: String,
    /// File and line.
    pub line: Option<String>,
}

impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.line {
            Some(line) => write!(f, "{} at {line}", self.function),
            None => f.write_str(&self.function),
        }
    }
}

impl Symbols {
    /// Reads the ELF file at `path`.
    ///
    /// # Errors
    ///
    /// When it cannot be read, is no little-endian ELF file, or has neither functions nor lines; with the remedy.
    pub fn of(path: &Path) -> Result<Self> {
        let name = path.display();
        let bytes = fs::read(path).with_context(|| format!("cannot read {name}"))?;
        let file = parse(&bytes, path)?;
        let mut code = Vec::new();
        for section in file.sections() {
            const EXECUTABLE: u64 = object::elf::SHF_EXECINSTR as u64;
            if matches!(section.flags(), SectionFlags::Elf { sh_flags } if sh_flags & EXECUTABLE != 0) {
                code.push(section.address()..section.address().saturating_add(section.size()));
            }
        }
        let functions = functions(&file);
        let lines = if file.section_by_name(".debug_line").is_some() {
            let section = |id: SectionId| section(&file, id.name());
            let dwarf = Dwarf::load(section).with_context(|| format!("the debug information of {name}"))?;
            Some(Lines::from_dwarf(dwarf).with_context(|| format!("cannot read the debug information of {name}"))?)
        } else {
            None
        };
        ensure!(
            lines.is_some() || !functions.is_empty(),
            "{name} has neither debug information nor a symbol table: {REMEDY}"
        );
        Ok(Self { lines, functions, code })
    }

    /// Whether there are lines, and not only functions.
    #[must_use]
    pub fn has_lines(&self) -> bool {
        self.lines.is_some()
    }

    /// Whether there is an instruction at `address`.
    #[must_use]
    pub fn is_code(&self, address: u64) -> bool {
        self.code.iter().any(|code| code.contains(&address))
    }

    /// The functions at `address`: first the innermost one, then those into which it is inlined. Empty if none is
    /// known.
    #[must_use]
    pub fn at(&self, address: u64) -> Vec<Place> {
        let mut places = self.lines.as_ref().map_or_else(Vec::new, |lines| with_lines(lines, address));
        if let Some(outermost) = places.last_mut().filter(|place| place.function.is_empty()) {
            outermost.function = self.function_at(address).unwrap_or("?").to_owned();
        }
        if places.is_empty() {
            places.extend(self.function_at(address).map(|name| Place { function: name.to_owned(), line: None }));
        }
        places
    }

    /// The function of the symbol table that contains `address`.
    fn function_at(&self, address: u64) -> Option<&str> {
        let (_, (end, name)) = self.functions.range(..=address).next_back()?;
        (address < *end).then_some(name)
    }
}

/// Parses the bytes of the ELF file at `path`.
///
/// # Errors
///
/// If the file is not for a little-endian processor.
pub fn parse<'a>(bytes: &'a [u8], path: &Path) -> Result<object::File<'a>> {
    let name = path.display();
    if !bytes.starts_with(b"\x7fELF") {
        bail!("{name} is not an ELF file: name the program, not its image (`objcopy -O binary`) or its log");
    }
    let file = object::File::parse(bytes).with_context(|| format!("{name} is damaged"))?;
    ensure!(file.is_little_endian(), "{name} is not a little-endian ELF file");
    Ok(file)
}

/// The register with the first argument of a function, by GDB's order: x0; rdi after rax, rbx, rcx, rdx and rsi; a0, by
/// the numbers of the psABIs.
pub fn first_argument(program: &object::File<'_>) -> usize {
    match program.architecture() {
        Architecture::X86_64 => 5,
        Architecture::LoongArch64 => 4,
        Architecture::Riscv32 | Architecture::Riscv64 => 10,
        _ => 0,
    }
}

/// Bytes of an address of a program, and of each of its processor's registers up to the program counter.
#[must_use]
pub fn word(file: &object::File<'_>) -> usize {
    if file.is_64() { 8 } else { 4 }
}

/// The number in the first bytes, of which there are no more than eight: those of a register, or of a word of memory.
#[must_use]
pub fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The address of an instruction: that of a function of Thumb code has bit 0 set, in symbols and in registers.
#[must_use]
pub fn code(architecture: Architecture, address: u64) -> u64 {
    if architecture == Architecture::Arm { address & !1 } else { address }
}

/// The functions of the symbol table, with their ends and their names in the source.
pub fn functions(file: &object::File<'_>) -> BTreeMap<u64, (u64, String)> {
    let functions = file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 0);
    functions
        .filter_map(|symbol| {
            let name = addr2line::demangle_auto(symbol.name().ok()?.into(), None).into_owned();
            let start = code(file.architecture(), symbol.address());
            Some((start, (start.saturating_add(symbol.size()), name)))
        })
        .collect()
}

/// The address of the variable whose path in the source is `path`.
#[must_use]
pub fn variable(file: &object::File<'_>, path: &str) -> Option<u64> {
    let is_it = |name: &str| addr2line::demangle_auto(name.into(), None) == path;
    file.symbols().find(|symbol| symbol.name().is_ok_and(is_it)).map(|symbol| symbol.address())
}

/// The bytes of the section `name`: none if it is absent.
///
/// # Errors
///
/// When it is compressed.
pub fn section(file: &object::File<'_>, name: &str) -> Result<EndianRcSlice<LittleEndian>> {
    let bytes: Rc<[u8]> = match file.section_by_name(name) {
        Some(section) => {
            let range = section.compressed_file_range()?;
            let is_plain = range.format == object::CompressionFormat::None;
            ensure!(is_plain, "the section {name} is compressed: `objcopy --decompress-debug-sections`");
            section.data()?.into()
        }
        None => Rc::new([]),
    };
    Ok(EndianRcSlice::new(bytes, LittleEndian))
}

/// The places of `address` by debug information. Damaged parts of it count as unknown.
fn with_lines(lines: &Lines, address: u64) -> Vec<Place> {
    let mut places = Vec::new();
    let Ok(mut frames) = lines.find_frames(address).skip_all_loads() else { return places };
    while let Ok(Some(frame)) = frames.next() {
        let name = frame.function.as_ref().and_then(|name| name.demangle().ok());
        let line = frame.location.and_then(|at| Some((at.file?, at.line?)));
        let line = line.map(|(file, line)| format!("{}:{line}", in_project(file)));
        if name.is_some() || line.is_some() {
            places.push(Place { function: name.map_or_else(String::new, |name| name.into_owned()), line });
        }
    }
    places
}

/// The path of a source file, relative to the project or to the sources of Rust if it is in one of them.
fn in_project(file: &str) -> &str {
    let path = Path::new(file).strip_prefix(places::root()).ok().and_then(Path::to_str);
    let commit = || file.strip_prefix("/rustc/")?.split_once('/').map(|(_commit, path)| path);
    // With the component `rust-src` the path is where that is.
    let of_rust = || commit().or_else(|| Some(file.split_once("/lib/rustlib/src/rust/")?.1));
    path.or_else(of_rust).unwrap_or(file)
}
