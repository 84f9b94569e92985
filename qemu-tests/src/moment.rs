//! The moment at which the machine of a boot is examined: when the guest fails, before QEMU ends, or at its limit.
//!
//! The board ends QEMU by the function [`EXIT`]. The debugger stops there, and continues if the exit code is that of a
//! pass. A machine that resets itself leaves no state to examine. QEMU executes the code on the page of a breakpoint
//! slowly, so an ordinary boot has none.

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

/// When the machine stops, if not at the limit.
#[derive(Clone, Copy, Debug)]
pub enum Moment {
    /// Where the board leaves with another exit code than that of a pass.
    Failure,
    /// Where this function begins.
    Function(&'static str),
}

/// Boots, and calls `act` with the stub of the machine, which is stopped, at the `moment` or at the limit. Returns the
/// result of `act`, if it was called.
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
            (Stopped::There, Some(register)) => machine.stub().register(register, stop.word)? & 0xff != 0, // the code is a byte
            _ => true,
        };
        let done = if is_meant { Some(act(machine.stub())?) } else { None };
        machine.leave()?;
        Ok(done)
    };
    watched::run(boot, watch, seen)
}

/// Where the machine stops, and when it continues from there.
#[derive(Clone, Copy)]
struct Stop {
    /// `None` if the program has no such function: then only the limit stops it.
    address: Option<u64>,
    /// The register with the exit code, by which a pass is recognised.
    code: Option<usize>,
    /// Bytes of a register.
    word: usize,
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
        let address = symbol.map(|symbol| symbols::code(program.architecture(), symbol.address()));
        Ok(Self { address, code, word: symbols::word(&program) })
    }
}
