//! All greenlets of a boot that failed: a line for each, with where it is.
//!
//! ```text
//! greenlets, where it stopped:
//!   main: suspended in a switch
//!       stuck::main::{{closure}} at qemu-tests/guests/src/bin/stuck.rs:31
//! * greenlet 2 "poller": running, stack 432/8192
//!       stuck::poll at qemu-tests/guests/src/bin/stuck.rs:20
//! ```
//!
//! It is read from the machine, which stands, through QEMU's gdbstub; nothing runs in the guest.

mod walk;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, io};

use anyhow::Result;

use self::walk::{Registers, Walk};
use crate::boot::Boot;
use crate::greenlets::{Greenlet, Isa, Program, REGISTERS, State, is_kernel};
use crate::moment::{self, Moment};
use crate::process::Ended;
use crate::stub::Stub;
use crate::symbols::Place;

/// Greenlets that are shown, at most.
const SHOWN: usize = 200;
/// Functions of each that are shown, at most: the innermost.
const FUNCTIONS: usize = 8;

/// The environment variable by which the suite lists the greenlets of each guest that fails against its head: 1.
const WANTED: &str = "GREENLET_CENSUS";

/// Whether the suite is to list them.
#[must_use]
pub fn is_wanted() -> bool {
    env::var_os(WANTED).is_some_and(|value| value == "1")
}

/// Boots, and returns the census if the guest fails or its limit is used up.
///
/// # Errors
///
/// As [`Boot::run`]. That there is no census is no error: its place has the reason.
pub fn run(boot: &Boot<'_>, seen: impl FnMut(&[u8]) -> io::Result<()>) -> Result<(Ended, Option<String>)> {
    let elf = boot.elf.to_owned();
    let act =
        move |stub: &mut Stub| Ok(of(&elf, stub).unwrap_or_else(|problem| format!("no greenlets: {problem:#}\n")));
    moment::run(boot, Moment::Failure, act, seen)
}

/// The census of the program `elf` in a machine that stands.
///
/// # Errors
///
/// When the program tells no greenlets, and when the connection is lost.
pub fn of(elf: &Path, stub: &mut Stub) -> Result<String> {
    let (program, walk) = (Program::of(elf)?, Walk::of(elf)?);
    let greenlets = program.greenlets(stub)?;
    let mut census = "greenlets, where it stopped:\n".to_owned();
    let mut tasks = BTreeMap::new();
    for greenlet in greenlets.every.iter().take(SHOWN) {
        let tasks =
            tasks.entry(greenlet.core).or_insert_with(|| program.tasks(stub, greenlet.core).unwrap_or_default());
        let waits = program.waits(stub, tasks, greenlet, &greenlets.every).unwrap_or_default();
        add(&program, &walk, greenlet, waits.as_deref(), stub, &mut census)?;
    }
    if let Some(damage) = &greenlets.damage {
        let _infallible = writeln!(census, "  {damage}");
    }
    match greenlets.every.len().checked_sub(SHOWN) {
        Some(more @ 1..) => {
            let _infallible = writeln!(census, "  and {more} more");
        }
        _ if greenlets.every.is_empty() && greenlets.damage.is_none() => none(&program, &walk, stub, &mut census)?,
        _ => {}
    }
    Ok(census)
}

/// A greenlet: its line, and where it is.
fn add(
    program: &Program,
    walk: &Walk,
    greenlet: &Greenlet,
    waits: Option<&str>,
    stub: &mut Stub,
    census: &mut String,
) -> Result<()> {
    let isa = program.isa;
    let is_running = greenlet.state == State::Running;
    let registers = if is_running {
        if program.cores() > 1 {
            stub.select(greenlet.core)?;
        }
        of_processor(isa, stub)?
    } else {
        saved(isa, greenlet)
    };
    let title = match &greenlet.name {
        _ if greenlet.is_main => "main".to_owned(),
        Some(name) => format!("greenlet {} \"{name}\"", greenlet.id),
        None => format!("greenlet {}", greenlet.id),
    };
    let sp = registers[isa.sp].unwrap_or(0);
    let mark = if is_running { '*' } else { ' ' };
    let _infallible = writeln!(census, "{mark} {title}: {}", greenlet.remarks(sp, waits));
    if greenlet.has_frames() {
        places(program, walk, registers, stub, census);
    }
    Ok(())
}

/// Where the processor is, while no greenlet is there.
fn none(program: &Program, walk: &Walk, stub: &mut Stub, census: &mut String) -> Result<()> {
    census.push_str("  none: no tree is entered; the processor is at\n");
    places(program, walk, of_processor(program.isa, stub)?, stub, census);
    Ok(())
}

/// The program's own functions, the innermost first, down to the base of the stack.
fn places(program: &Program, walk: &Walk, registers: Registers, stub: &mut Stub, census: &mut String) {
    let addresses = walk.addresses(program.isa, registers, stub);
    let places = addresses.into_iter().flat_map(|address| program.symbols.at(address));
    let own = places.filter(|place| !is_kernel(&place.function) && !is_library(place) && !is_board(&place.function));
    for place in own.take(FUNCTIONS) {
        let _infallible = writeln!(census, "      {place}");
    }
}

/// Whether a function is of Rust's libraries.
fn is_library(place: &Place) -> bool {
    let path = place.function.strip_prefix('<').unwrap_or(&place.function);
    let is_in = place.line.as_ref().is_some_and(|line| line.starts_with("library/"));
    is_in || ["core::", "alloc::", "std::", "__rust"].iter().any(|library| path.starts_with(library))
}

/// Whether a function is of the board, which is the same below each guest.
fn is_board(function: &str) -> bool {
    function.starts_with("board::") || ["board_exit", "guest_main", "_start"].contains(&function)
}

fn of_processor(isa: &Isa, stub: &mut Stub) -> Result<Registers> {
    let mut registers = [None; REGISTERS];
    for (number, register) in registers.iter_mut().enumerate().take(isa.pc + 1) {
        *register = Some(stub.register(number, isa.word)?);
    }
    Ok(registers)
}

/// The registers of a suspended greenlet: the others are dead at a switch.
fn saved(isa: &Isa, greenlet: &Greenlet) -> Registers {
    let mut registers = [None; REGISTERS];
    let known =
        [(isa.pc, greenlet.pc), (isa.sp, greenlet.sp), (isa.frame, greenlet.frame), (isa.reserved, greenlet.reserved)];
    known.into_iter().for_each(|(number, value)| registers[number] = Some(value));
    registers
}
