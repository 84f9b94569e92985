//! The call graph of a program, and the most stack that a function takes with everything that it calls.
//!
//! If the graph is incomplete, there is no bound: an indirect call may lead anywhere, and recursion may go to any
//! depth. Then the known part is a lower bound.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};
use std::path::Path;

use anyhow::{Result, bail, ensure};
use gimli::{AArch64, Arm, RiscV, X86_64};
use object::{Architecture, Object, ObjectSection, ObjectSymbol, SymbolKind};

use super::code::{self, Decode, Flow, Step};
use super::frames::{self, Row};
use crate::symbols::{self, REMEDY};

/// A function.
pub(super) struct Function {
    pub(super) name: String,
    pub(super) end: u64,
    /// Bytes of stack that it takes by itself.
    pub(super) frame: u64,
    /// Whether its frame is known by its instructions only.
    pub(super) is_by_code: bool,
    calls: Vec<Call>,
}

/// The callee, and the depth of the caller's frame at the call.
struct Call {
    depth: u64,
    to: To,
}

enum To {
    Function(u64),
    /// An address without a known function: assembly without a symbol, or with one that has no size.
    Unnamed(u64),
    Indirect,
}

/// All functions of a program.
pub(super) struct Program {
    pub(super) functions: BTreeMap<u64, Function>,
    /// Whether their instructions are read. Else there are no calls, and frames that call frame information counts from
    /// the frame pointer are larger than it says.
    pub(super) is_read: bool,
}

/// How much stack is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bound {
    /// An upper bound if nothing is unknown; otherwise a lower bound.
    pub(super) bytes: u64,
    /// Why more may be taken.
    pub(super) unknown: BTreeSet<Why>,
}

/// Why a bound is not known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    /// The crate calls user code: a tracer, a hook, the exit function, a destructor. That may drop last handles to
    /// greenlets, which are then killed: this is the only recursion of the crate.
    Callback,
    /// The function calls through a pointer.
    Indirect(String),
    /// The function calls itself, perhaps by way of others.
    Recursion(String),
    /// Assembly without a symbol, or with one that has no size.
    Unnamed(u64),
}

impl Display for Why {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Callback => f.write_str("callbacks of greenlet"),
            Self::Indirect(function) => write!(f, "indirect call in {function}"),
            Self::Recursion(function) => write!(f, "recursion of {function}"),
            Self::Unnamed(address) => write!(f, "code without a symbol at {address:#x}"),
        }
    }
}

impl Why {
    fn indirect(function: &str) -> Self {
        if is_of_the_crate(function) { Self::Callback } else { Self::Indirect(function.to_owned()) }
    }
}

/// Whether a function with this name is one of the crate, except those into which bodies are inlined.
fn is_of_the_crate(function: &str) -> bool {
    let begins = ["greenlet::", "<greenlet::"].iter().any(|prefix| function.starts_with(prefix));
    let has_a_body = ["body::Waiting<F>::call", "life::entry"].iter().any(|end| function.ends_with(end));
    begins && !has_a_body
}

impl Program {
    /// Reads a program.
    ///
    /// # Errors
    ///
    /// When it is for another instruction set, or has no functions.
    pub(super) fn of(file: &object::File<'_>, path: &Path) -> Result<Self> {
        let (decode, frame_pointer, entry_depth) = match file.architecture() {
            Architecture::Aarch64 => (Some(code::aarch64 as Decode), AArch64::X29, 0),
            Architecture::X86_64 => (Some(code::x86_64 as Decode), X86_64::RBP, 8),
            Architecture::Arm => (None, Arm::R7, 0),
            Architecture::Riscv32 | Architecture::Riscv64 => (None, RiscV::S0, 0),
            other => bail!("{} is for {other:?}: this reads AArch64, Cortex-M, RISC-V and x86-64", path.display()),
        };
        let named = symbols::functions(file);
        ensure!(!named.is_empty(), "{} has no functions in its symbol table: {REMEDY}", path.display());
        let frames = frames::of(file, frame_pointer)?;
        let table = |address| in_table(file, &named, address);
        let mut functions = BTreeMap::new();
        for (&start, (end, name)) in &named {
            let mut sections = file.sections();
            let section = sections.find(|it| (it.address()..it.address().saturating_add(it.size())).contains(&start));
            let bytes = section.and_then(|section| section.data_range(start, end - start).ok().flatten());
            let steps = decode.map_or_else(Vec::new, |decode| decode(bytes.unwrap_or_default(), start, &table));
            let rows = frames.get(&start).map_or(&[][..], Vec::as_slice);
            functions.insert(start, function(name, start..*end, &steps, rows, entry_depth, &named));
        }
        Ok(Self { functions, is_read: decode.is_some() })
    }

    /// The functions that the one at `address` calls directly.
    pub(super) fn callees(&self, address: u64) -> impl Iterator<Item = u64> {
        let calls = self.functions.get(&address).map_or(&[][..], |function| &function.calls);
        calls.iter().filter_map(|call| if let To::Function(to) = call.to { Some(to) } else { None })
    }

    /// The bound of the function at `address`, paths that panic left out.
    pub(super) fn bound(&self, address: u64) -> Bound {
        self.search(address, &mut Vec::new(), &mut BTreeMap::new())
    }

    fn search(&self, at: u64, above: &mut Vec<u64>, known: &mut BTreeMap<u64, Bound>) -> Bound {
        if let Some(bound) = known.get(&at) {
            return bound.clone();
        }
        let Some(function) = self.functions.get(&at) else { return Bound::default() };
        if let Some(first) = above.iter().position(|&above| above == at) {
            return Bound { bytes: 0, unknown: [self.recursion(&above[first..])].into() };
        }
        above.push(at);
        let mut bound = Bound { bytes: function.frame, unknown: BTreeSet::new() };
        for call in &function.calls {
            let below = match call.to {
                To::Function(to) if self.panics(to) => continue,
                To::Function(to) => self.search(to, above, known),
                To::Unnamed(to) => Bound { bytes: 0, unknown: [Why::Unnamed(to)].into() },
                To::Indirect => Bound { bytes: 0, unknown: [Why::indirect(&function.name)].into() },
            };
            bound.bytes = bound.bytes.max(call.depth + below.bytes);
            bound.unknown.extend(below.unknown);
        }
        above.pop();
        known.insert(at, bound.clone());
        bound
    }

    /// The recursion of functions that call each other in this order: it counts as the crate's if all of them are of
    /// the crate or of `core`, through which destructors are called.
    fn recursion(&self, functions: &[u64]) -> Why {
        let mut names = functions.iter().filter_map(|at| Some(self.functions.get(at)?.name.as_str()));
        let other = names.find(|name| !is_of_the_crate(name) && !name.starts_with("core::"));
        other.map_or(Why::Callback, |name| Why::Recursion(name.to_owned()))
    }

    /// Whether the function at `address` begins a panic, by its name: it does not return.
    pub(super) fn panics(&self, address: u64) -> bool {
        let begins = ["core::panicking::", "std::panicking::", "rust_begin_unwind"];
        let ends =
            ["unwrap_failed", "expect_failed", "_fail", "handle_error", "handle_alloc_error", "capacity_overflow"];
        self.functions.get(&address).is_some_and(|Function { name, .. }| {
            begins.iter().any(|part| name.starts_with(part))
                || ends.iter().any(|part| name.ends_with(part))
                || name.contains("panic_already_")
        })
    }
}

/// The function whose address the linker put at `address`: a word in no variable, for code that is
/// position-independent.
fn in_table(file: &object::File<'_>, named: &BTreeMap<u64, (u64, String)>, address: u64) -> Option<u64> {
    let covers = |symbol: &object::Symbol<'_, '_>| {
        symbol.kind() == SymbolKind::Data
            && (symbol.address()..symbol.address().saturating_add(symbol.size())).contains(&address)
    };
    if file.symbols().any(|symbol| covers(&symbol)) {
        return None;
    }
    let word = file.sections().find_map(|section| section.data_range(address, 8).ok().flatten())?;
    let function = u64::from_le_bytes(word.try_into().ok()?);
    named.contains_key(&function).then_some(function)
}

/// Creates a function from its instructions and its call frame information.
fn function(
    name: &str,
    own: std::ops::Range<u64>,
    steps: &[Step],
    rows: &[Row],
    entry_depth: u64,
    named: &BTreeMap<u64, (u64, String)>,
) -> Function {
    // What is released in between is not subtracted. So the sum may be too large, and too small only in a loop.
    let taken = steps.iter().filter(|step| !step.is_brief).map(|step| step.takes);
    let by_code = taken.fold(entry_depth, u64::saturating_add);
    let brief: u64 = steps.iter().filter(|step| step.is_brief).map(|step| step.takes).max().unwrap_or(0);
    let is_by_code = rows.is_empty() || rows.iter().any(|row| row.depth.is_none());
    let deepest = rows.iter().filter_map(|row| row.depth).max().unwrap_or(entry_depth);
    let frame = if is_by_code { deepest.max(by_code) } else { deepest };
    let depth_at = |address: u64| {
        let row = rows.iter().find(|row| (row.start..row.end).contains(&address));
        row.and_then(|row| row.depth).unwrap_or(frame)
    };
    let to = |address: u64| if named.contains_key(&address) { To::Function(address) } else { To::Unnamed(address) };
    let calls = steps.iter().filter_map(|step| {
        let depth = depth_at(step.address);
        match step.flow? {
            Flow::Call(target) => Some(Call { depth, to: to(target) }),
            Flow::CallIndirect => Some(Call { depth, to: To::Indirect }),
            // A tail call: the callee returns to this function's caller.
            Flow::Jump(target) if !own.contains(&target) => {
                Some(Call { depth: depth - entry_depth.min(depth), to: to(target) })
            }
            Flow::Jump(_) => None,
            Flow::JumpIndirect => Some(Call { depth: depth - entry_depth.min(depth), to: To::Indirect }),
        }
    });
    Function { name: name.to_owned(), end: own.end, frame: frame + brief, is_by_code, calls: calls.collect() }
}
