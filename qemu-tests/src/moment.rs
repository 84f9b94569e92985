//! The moment at which something is done with the machine of a boot: when a guest fails, before it leaves, or at its limit.
//!
//! The board leaves by [`EXIT`], where the machine stops: if the exit code is that of a pass, it may go. A machine that
//! resets itself leaves nothing to look at. The breakpoint slows what is on the same page of code, so an ordinary boot has
//! none.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context, Result};
use object::{Object, ObjectSymbol};

use crate::boot::Boot;
use crate::process::Ended;
use crate::stub::Stub;
use crate::symbols;
use crate::watched::{self, Stopped};

/// The function by which the board ends QEMU; its argument is the exit code.
pub const EXIT: &str = "board_exit";

/// Where it is, if not at the limit.
#[derive(Clone, Copy, Debug)]
pub enum Moment {
    /// Where the board leaves with another exit code than that of a pass.
    Failure,
    /// Where this function begins.
    Function(&'static str),
}

/// Boots, and calls `act` with the stub of the machine, which stands, at the `moment` or at the limit. Returns what `act`
/// returned, if it was called.
///
/// # Errors
///
/// As [`Boot::run`]; those of `act`.
pub fn run<T: Send + 'static>(
    boot: &Boot<'_>,
    moment: Moment,
    act: impl FnOnce(&mut Stub) -> Result<T> + Send + 'static,
    seen: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<(Ended, Option<T>)> {
    let stop = Stop::of(boot.elf, moment)?;
    let watch = move |mut machine: watched::Machine| {
        if let Some(address) = stop.address {
            machine.stub().stop_at(address)?;
        }
        let stopped = machine.run()?;
        let is_meant = match (stopped, stop.code) {
            (Stopped::Gone, _) => return Ok(None),
            (Stopped::There, Some(register)) => machine.stub().register(register)? & 0xff != 0, // the code is a byte
            _ => true,
        };
        let done = if is_meant { Some(act(machine.stub())?) } else { None };
        machine.leave()?;
        Ok(done)
    };
    watched::run(boot, watch, seen)
}

/// Where the machine stops, and when that is not meant.
#[derive(Clone, Copy)]
struct Stop {
    /// Absent if the program has no such function: then the limit alone stops it.
    address: Option<u64>,
    /// The register with the exit code, where a pass may go on.
    code: Option<usize>,
}

impl Stop {
    fn of(elf: &Path, moment: Moment) -> Result<Self> {
        let bytes = fs::read(elf).with_context(|| format!("cannot read {}", elf.display()))?;
        let program = symbols::parse(&bytes, elf)?;
        let name = match moment {
            Moment::Failure => EXIT,
            Moment::Function(name) => name,
        };
        let symbol = program.symbols().find(|symbol| symbol.name() == Ok(name));
        let code = matches!(moment, Moment::Failure).then(|| symbols::first_argument(&program));
        Ok(Self { address: symbol.map(|symbol| symbol.address()), code })
    }
}
