//! High-water marks of a program with the feature `high-water`, by the names of its greenlets.
//!
//! When a greenlet is freed or its tree ends, the crate takes its mark by one function. The machine is stopped there;
//! its memory has the name, and shows how much of the stack is not painted any more. At the limit the remaining
//! greenlets are examined in the same way.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;

use anyhow::{Context as _, Result};

use crate::boot::Boot;
use crate::greenlets::{BAND, Layout, RECORD, word};
use crate::process::Ended;
use crate::stub::Stub;
use crate::symbols;
use crate::watched::{self, Machine, Stopped};

/// The function that takes a mark; its first argument is the control block.
const MARK: &str = "greenlet::records::paint::mark";
/// A byte of paint.
const PAINT: u8 = 0x9e;
/// The most greenlets that are examined: a ring that was overwritten may have no end.
const RING: usize = 10_000;

/// The deepest use of stacks by greenlets with one name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// Bytes, with the control block.
    pub(super) peak: u64,
    /// Bytes of that stack.
    pub(super) size: u64,
}

/// By name.
pub(super) type Marks = BTreeMap<String, Mark>;

/// Boots a program with further arguments for QEMU, and returns the marks of its greenlets.
///
/// # Errors
///
/// When it has not the feature or no types, and as [`Boot::run`].
pub(super) fn of(boot: &Boot<'_>, arguments: &[OsString]) -> Result<(Ended, Marks)> {
    let bytes = fs::read(boot.elf).with_context(|| format!("cannot read {}", boot.elf.display()))?;
    let file = symbols::parse(&bytes, boot.elf)?;
    let eye = Eye::of(&file).with_context(|| format!("{} tells no marks", boot.elf.display()))?;
    watched::run_with(boot, arguments, move |machine| eye.watch(machine), |_| Ok(()))
}

/// The addresses and offsets that are needed to examine a program.
struct Eye {
    layout: Layout,
    mark: u64,
    record: Option<u64>,
    /// The register of the first argument, by GDB's order.
    argument: usize,
    /// Bytes of a register.
    word: usize,
}

impl Eye {
    fn of(file: &object::File<'_>) -> Result<Self> {
        let mark = symbols::functions(file).into_iter().find(|(_, (_, name))| name == MARK);
        let (mark, _) = mark.context("it was built without the feature `high-water` of greenlet, or was stripped")?;
        let (argument, word) = (symbols::first_argument(file), symbols::word(file));
        Ok(Self { layout: Layout::of(file)?, mark, record: symbols::variable(file, RECORD), argument, word })
    }

    fn watch(&self, mut machine: Machine) -> Result<Marks> {
        let mut marks = Marks::new();
        let mut names = BTreeMap::new();
        machine.stub().stop_at(self.mark)?;
        loop {
            match machine.run()? {
                Stopped::Gone => return Ok(marks),
                Stopped::AtLimit => {
                    self.look_at_all(machine.stub(), &mut names, &mut marks)?;
                    return Ok(marks);
                }
                Stopped::There => {
                    let stub = machine.stub();
                    let block = stub.register(self.argument, self.word)?;
                    self.look(stub, block, &mut names, &mut marks)?;
                    stub.step_over(self.mark)?;
                }
            }
        }
    }

    /// Examines every greenlet of the entered tree, if there is one.
    fn look_at_all(&self, stub: &mut Stub, names: &mut Names, marks: &mut Marks) -> Result<()> {
        let Some(record) = self.record else { return Ok(()) };
        let main = word(&stub.memory(record + self.layout.main, self.word)?, 0, self.word)?;
        let mut at = main;
        for _ in 0..RING {
            if at == 0 {
                break;
            }
            at = self.look(stub, at, names, marks)?;
            if at == main {
                break;
            }
        }
        Ok(())
    }

    /// Examines the greenlet with this control block. Returns the next one.
    fn look(&self, stub: &mut Stub, at: u64, names: &mut Names, marks: &mut Marks) -> Result<u64> {
        let block = stub.memory(at, usize::try_from(self.layout.size)?)?;
        let field = |at| word(&block, at, self.word);
        let [floor, reach, next] = [field(self.layout.floor)?, field(self.layout.reach)?, field(self.layout.next)?];
        if reach == 0 {
            return Ok(next); // main
        }
        let [text, length] = [field(self.layout.name)?, field(self.layout.name + self.word as u64)?];
        let name = match names.entry((text, length)) {
            std::collections::btree_map::Entry::Occupied(known) => known.get().clone(),
            std::collections::btree_map::Entry::Vacant(new) if text == 0 => new.insert("(no name)".to_owned()).clone(),
            std::collections::btree_map::Entry::Vacant(new) => {
                let bytes = stub.memory(text, usize::try_from(length.min(64))?)?;
                new.insert(String::from_utf8_lossy(&bytes).into_owned()).clone()
            }
        };
        let (base, sp) = (at + self.layout.size, field(self.layout.sp)?);
        let mut lowest = unpainted(stub, floor, at, self.word)?;
        if (floor..lowest).contains(&sp) {
            lowest = sp;
        }
        let mark = marks.entry(name).or_default();
        if base - lowest > mark.peak {
            *mark = Mark { peak: base - lowest, size: base.saturating_sub(floor.saturating_sub(BAND)) };
        }
        Ok(next)
    }
}

type Names = BTreeMap<(u64, u64), String>;

/// The lowest word from `floor` to `end` that is not painted.
fn unpainted(stub: &mut Stub, floor: u64, end: u64, word: usize) -> Result<u64> {
    const PIECE: u64 = 1024; // QEMU's packets have up to 4,096 characters
    let mut at = floor;
    while at < end {
        let piece = stub.memory(at, usize::try_from(PIECE.min(end - at))?)?;
        if let Some(index) = piece.iter().position(|byte| *byte != PAINT) {
            return Ok(at + (index - index % word) as u64);
        }
        at += PIECE;
    }
    Ok(end)
}
