//! The greenlets of a program in a machine that stands: read from its memory, through a [`Stub`], by the [`Layout`]
//! that its debug information has.

mod isa;
mod layout;
mod tasks;
mod types;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use object::{Object, ObjectSymbol};

pub use self::isa::{Isa, REGISTERS};
pub use self::layout::Layout;
use self::layout::Number;
pub use self::tasks::Tasks;
use self::types::Types;
use crate::stub::Stub;
use crate::symbols::{self, Symbols};

/// The record of the core, of a program without the features `cores` and `std`.
pub const RECORD: &str = "greenlet::records::core_state::imp::RECORD";
/// Those of all cores, with the feature `cores`.
const RECORDS: &str = "greenlet::records::core_state::imp::RECORDS";
/// Bytes of the canary band, the lowest of a stack: src/records/band.rs.
pub const BAND: u64 = 64;
/// Of control blocks, in bytes: src/records/block/mod.rs.
const ALIGNMENT: u64 = 64;
/// Bytes from the jump of a switch to its resume address, at most.
const TO_THE_JUMP: u64 = 16;
/// Bytes of a name that are shown, at most.
const NAME: u64 = 128;

// The bits of `Block::flags`: src/records/flags.rs.
const NO_BODY: u32 = 1;
const DEAD: u32 = 2;
const ENDED: u32 = 4;
const LEAKED: u32 = 8;
const PINNED: u32 = 16;
const ABANDONED: u32 = 64;
/// The id in the word `id`, and the requests beside it: src/records/mail.rs.
const NUMBER: u64 = (1 << 56) - 1;
const KILL: u64 = 1 << 63;
const WAKE: u64 = 1 << 62;

/// A program whose greenlets can be read.
pub struct Program {
    /// Where the fields are.
    pub layout: Layout,
    /// For which processor it is.
    pub isa: &'static Isa,
    /// Its functions and lines.
    pub symbols: Symbols,
    /// The addresses of the records of its cores.
    records: Vec<u64>,
    /// Where the tasks of its hubs are.
    tasks: Option<tasks::Layout>,
}

/// All greenlets at one moment.
#[derive(Debug, Default)]
pub struct Greenlets {
    /// In the order of creation; those of each core together.
    pub every: Vec<Greenlet>,
    /// What is wrong with their list, if the program has overwritten it: then some are missing.
    pub damage: Option<String>,
}

/// A greenlet, as its control block has it.
#[derive(Clone, Debug)]
pub struct Greenlet {
    /// The address of the block.
    pub address: u64,
    /// The number of its core, from 0.
    pub core: usize,
    /// Its id.
    pub id: u64,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Whether it entered the tree.
    pub is_main: bool,
    /// What it does.
    pub state: State,
    /// The saved registers, for one that is suspended.
    pub sp: u64,
    /// Where it goes on.
    pub pc: u64,
    /// The saved frame pointer.
    pub frame: u64,
    /// The saved register that LLVM reserves.
    pub reserved: u64,
    /// The block of its parent; null for none.
    pub parent: u64,
    /// The lowest address of its stack, without a meaning for main.
    limit: u64,
    /// The end of its stack.
    base: u64,
    flags: u32,
    requests: u64,
    is_marked: bool,
    /// Whether it is at the jump of a switch: the processor has the stack of another greenlet already.
    pub leaves: bool,
}

/// What a greenlet does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It has no body.
    Bare,
    /// Its body has not begun.
    Unstarted,
    /// It runs, on its core.
    Running,
    /// It waits in a transfer.
    Suspended,
    /// It has ended.
    Dead,
    /// A fault or a panic ended it.
    Abandoned,
}

impl Program {
    /// Reads the ELF file at `path`.
    ///
    /// # Errors
    ///
    /// When it is no program with greenlets and their types; with the remedy.
    pub fn of(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let file = symbols::parse(&bytes, path)?;
        Self::read(&file, path).with_context(|| format!("{} shows no greenlets", path.display()))
    }

    fn read(file: &object::File<'_>, path: &Path) -> Result<Self> {
        let (isa, types) = (Isa::of(file)?, Types::of(file)?);
        let (layout, tasks) = (Layout::in_types(&types)?, tasks::Layout::of(&types)?);
        let records = match symbols::variable(file, RECORD) {
            Some(record) => vec![record],
            None => {
                let first = symbols::variable(file, RECORDS).context(
                    "it has no record of a core in its symbol table: it is stripped, or never enters a tree of greenlets",
                )?;
                let symbol = file.symbols().find(|symbol| symbol.address() == first && symbol.size() > 0);
                let count = symbol.map_or(0, |symbol| symbol.size() / layout.core_size.max(1));
                (0..count).map(|core| first + core * layout.core_size).collect()
            }
        };
        Ok(Self { layout, isa, symbols: Symbols::of(path)?, records, tasks })
    }

    /// Reads all greenlets. There are none outside of a tree, and where memory is not written yet.
    ///
    /// # Errors
    ///
    /// When the connection is lost.
    pub fn greenlets(&self, stub: &mut Stub) -> Result<Greenlets> {
        let mut all = Greenlets::default();
        for (core, &record) in self.records.iter().enumerate() {
            let Ok(words) = stub.memory(record, usize::try_from(self.layout.core_size)?) else { break };
            let (current, main) = (self.word(&words, self.layout.current)?, self.word(&words, self.layout.main)?);
            if current != 0 && main != 0 {
                let mut ring = Vec::new();
                if let Err(damage) = self.ring(stub, main, core, &mut ring) {
                    all.damage = Some(format!("{damage:#}"));
                }
                let running = self.running(stub, &ring, current, self.records.len() > 1)?;
                if let Some((address, leaves)) = running
                    && let Some(greenlet) = ring.iter_mut().find(|greenlet| greenlet.address == address)
                {
                    greenlet.state = State::Running;
                    greenlet.leaves = leaves;
                }
                all.every.append(&mut ring);
            }
        }
        Ok(all)
    }

    /// How many cores it may have.
    #[must_use]
    pub fn cores(&self) -> usize {
        self.records.len()
    }

    /// The block that is current on a core; null outside of a tree.
    ///
    /// # Errors
    ///
    /// When there is no memory.
    pub fn current(&self, stub: &mut Stub, core: usize) -> Result<u64> {
        let record = self.records.get(core).context("there is no such core")?;
        self.word(&stub.memory(record + self.layout.current, self.isa.word)?, 0)
    }

    fn word(&self, bytes: &[u8], at: u64) -> Result<u64> {
        word(bytes, at, self.isa.word)
    }

    /// A register of the processor.
    ///
    /// # Errors
    ///
    /// When the connection is lost.
    pub fn register(&self, stub: &mut Stub, number: usize) -> Result<u64> {
        stub.register(number, self.isa.word)
    }

    /// Adds the greenlets of a tree to `ring`, up to where their list is damaged.
    fn ring(&self, stub: &mut Stub, main: u64, core: usize, ring: &mut Vec<Greenlet>) -> Result<()> {
        let (mut at, mut seen) = (main, BTreeSet::new());
        while seen.is_empty() || at != main {
            let after = || ring.last().map_or("the core's record".to_owned(), Greenlet::full_title);
            let damaged = |why| format!("the list of greenlets is overwritten: after {} it {why}", after());
            ensure!(seen.insert(at), damaged(format!("goes round without its head, by {at:#x}")));
            let block = self.greenlet(stub, at, core).ok().filter(|_| at.is_multiple_of(ALIGNMENT));
            let is_one = |(greenlet, _): &(Greenlet, u64)| greenlet.is_main == (at == main) && greenlet.has_place();
            let block = block.filter(is_one);
            let (greenlet, next) = block.with_context(|| damaged(format!("has no greenlet at {at:#x}")))?;
            ring.push(greenlet);
            at = next;
        }
        Ok(())
    }

    /// The greenlet with the block at `address`, and the next one.
    fn greenlet(&self, stub: &mut Stub, address: u64, core: usize) -> Result<(Greenlet, u64)> {
        let layout = &self.layout;
        let block = stub.memory(address, usize::try_from(layout.size)?)?;
        let field = |at: u64| self.word(&block, at);
        let half = |at: u64| word(&block, at, 4);
        let flags = half(layout.flags)? as u32;
        let id = match layout.id {
            Number::Whole(at) => word(&block, at, 8)?,
            Number::Halves { low, high } => joined(half(low)?, half(high)?),
        };
        let pc = self.isa.code(field(layout.pc)?);
        let name = text(stub, address + layout.name, self.isa.word)?;
        let state = if flags & (DEAD | ENDED) != 0 {
            if flags & ABANDONED == 0 { State::Dead } else { State::Abandoned }
        } else if flags & NO_BODY != 0 {
            State::Bare
        } else if field(layout.body_or_pin)? != 0 && flags & PINNED == 0 {
            State::Unstarted
        } else {
            State::Suspended
        };
        let mark = self.isa.mark;
        let before = pc.checked_sub(mark.len() as u64).filter(|_| state == State::Suspended);
        let is_marked = before.is_some_and(|at| stub.memory(at, mark.len()).is_ok_and(|bytes| bytes == mark));
        let greenlet = Greenlet {
            address,
            core,
            id: id & NUMBER,
            name,
            is_main: field(layout.reach)? == 0,
            state,
            sp: field(layout.sp)?,
            pc,
            frame: field(layout.frame)?,
            reserved: field(layout.reserved)?,
            parent: field(layout.link)?,
            limit: field(layout.floor)?.wrapping_sub(BAND),
            base: address.wrapping_add(layout.size),
            flags,
            requests: id & (KILL | WAKE),
            is_marked,
            leaves: false,
        };
        Ok((greenlet, field(layout.next)?))
    }

    /// The block of the greenlet that runs on a core, and whether it [leaves](Greenlet::leaves). `current` changes some
    /// instructions before the stack does, so it is the one whose stack has the stack pointer. If none has it, either
    /// main is about to switch, or a handler on its own stack interrupted `current`.
    fn running(&self, stub: &mut Stub, ring: &[Greenlet], current: u64, selects: bool) -> Result<Option<(u64, bool)>> {
        let Some(main) = ring.first() else { return Ok(None) };
        if selects && !stub.select(main.core)? {
            return Ok(Some((current, false))); // a core that the machine does not have
        }
        let (sp, pc) = (self.register(stub, self.isa.sp)?, self.register(stub, self.isa.pc)?);
        let is_kernel = || self.symbols.at(pc).first().is_some_and(|place| is_kernel(&place.function));
        let owner = match ring.iter().find(|greenlet| greenlet.has(sp)) {
            Some(owner) => owner,
            None if is_kernel() => main,
            None => return Ok(Some((current, false))),
        };
        let left = self.left(stub, ring, owner, (sp, pc))?;
        Ok(Some((left.unwrap_or(owner).address, left.is_some())))
    }

    /// The greenlet that is at the jump of its switch: the stack pointer is that of `owner` already.
    fn left<'a>(
        &self,
        stub: &mut Stub,
        ring: &'a [Greenlet],
        owner: &Greenlet,
        (sp, pc): (u64, u64),
    ) -> Result<Option<&'a Greenlet>> {
        if sp != owner.sp {
            return Ok(None);
        }
        let from = self.register(stub, self.isa.from)?;
        let left = ring.iter().find(|greenlet| greenlet.address == from && from != owner.address);
        Ok(left.filter(|greenlet| (1..=TO_THE_JUMP).contains(&greenlet.pc.wrapping_sub(pc))))
    }
}

impl Greenlets {
    /// The one that runs on a core.
    #[must_use]
    pub fn running(&self, core: usize) -> Option<&Greenlet> {
        self.every.iter().find(|greenlet| greenlet.core == core && greenlet.state == State::Running)
    }

    /// The one with this id.
    #[must_use]
    pub fn with_id(&self, id: u64) -> Option<&Greenlet> {
        self.every.iter().find(|greenlet| greenlet.id == id)
    }
}

impl Greenlet {
    /// Whether an address is on its stack.
    #[must_use]
    pub fn has(&self, sp: u64) -> bool {
        !self.is_main && (self.limit..=self.address).contains(&sp)
    }

    /// Whether its stack lies below its block, with at most 4 GiB. Else the block is none.
    fn has_place(&self) -> bool {
        let from = self.limit.checked_add(BAND);
        self.is_main || from.and_then(|from| self.address.checked_sub(from)).is_some_and(|bytes| bytes < 1 << 32)
    }

    /// Whether it has frames: it runs or is suspended.
    #[must_use]
    pub fn has_frames(&self) -> bool {
        matches!(self.state, State::Running | State::Suspended)
    }

    /// Its name, or its number.
    #[must_use]
    pub fn title(&self) -> String {
        match &self.name {
            _ if self.is_main && self.core > 0 => format!("main of core {}", self.core),
            _ if self.is_main => "main".to_owned(),
            Some(name) => name.clone(),
            None => format!("greenlet {}", self.id),
        }
    }

    /// Its number with its name, as reports of the library have it.
    fn full_title(&self) -> String {
        match &self.name {
            Some(name) if !self.is_main => format!("greenlet {} \"{name}\"", self.id),
            _ => self.title(),
        }
    }

    /// Its state, with what it waits in, and its stack with the stack pointer at `sp`. A task of a hub `waits` for
    /// something.
    #[must_use]
    pub fn remarks(&self, sp: u64, waits: Option<&str>) -> String {
        let mut said = match self.state {
            State::Suspended if waits.is_some() => "suspended",
            State::Bare => "bare",
            State::Unstarted => "unstarted",
            State::Running => "running",
            State::Suspended if self.flags & PINNED != 0 => "suspended in up (old parent)",
            State::Suspended if self.is_marked => "suspended in up",
            State::Suspended => "suspended in a switch",
            State::Dead => "dead",
            State::Abandoned => "abandoned",
        }
        .to_owned();
        if let Some(waits) = waits.filter(|_| self.state == State::Suspended) {
            said += &format!(", {waits}");
        }
        let more = [
            (self.flags & LEAKED != 0, ", leaked"),
            (self.requests & KILL != 0, ", kill"),
            (self.requests & WAKE != 0, ", wake"),
        ];
        more.iter().filter(|(is, _)| *is).for_each(|(_, word)| said += word);
        if self.has_frames() && (self.limit..=self.base).contains(&sp) && !self.is_main {
            said += &format!(", stack {}/{}", self.base - sp, self.base - self.limit);
        }
        said
    }
}

/// Whether a function is of the crate itself, or of its hub.
#[must_use]
pub fn is_kernel(function: &str) -> bool {
    let path = function.strip_prefix('<').unwrap_or(function);
    let own = path.strip_prefix("greenlet::");
    path.starts_with("greenlet_hub::")
        || own
            .is_some_and(|own| ["api::", "kernel::", "records::", "arch::"].iter().any(|layer| own.starts_with(layer)))
}

/// The `&str` or `Option<&str>` at an address: `None` for none, `?` if it is overwritten.
fn text(stub: &mut Stub, at: u64, size: usize) -> Result<Option<String>> {
    let parts = stub.memory(at, 2 * size)?;
    let (start, length) = (word(&parts, 0, size)?, word(&parts, size as u64, size)?);
    let text = (start != 0).then(|| stub.memory(start, usize::try_from(length.min(NAME)).unwrap_or(0)));
    Ok(text.map(|bytes| bytes.map_or("?".to_owned(), |bytes| shown(&String::from_utf8_lossy(&bytes)))))
}

/// Without characters that would control a terminal.
fn shown(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

/// The number of `size` bytes at an offset.
///
/// # Errors
///
/// When there are not so many.
pub fn word(bytes: &[u8], at: u64, size: usize) -> Result<u64> {
    let at = usize::try_from(at)?;
    Ok(symbols::number(bytes.get(at..at + size).context("the control block has a different layout")?))
}

/// The word of an id in two halves: `joined` of src/records/narrow.rs.
fn joined(low: u64, high: u64) -> u64 {
    const LOW: u64 = (1 << 24) - 1;
    (low & !LOW) << 32 | high << 24 | low & LOW
}
