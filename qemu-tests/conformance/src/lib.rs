//! Scenarios of greenlet operations, run on the kernel: the proof that it means what Python's
//! greenlet package means.
//!
//! A scenario is a handful of straight-line scripts, one for each greenlet: switch here, throw
//! there, give that one another parent. The real package ran each scenario of `corpus/` and its
//! log stands beside it. This crate runs the same scripts on the kernel and writes its own log;
//! the two must agree byte for byte. `corpus/README.md` describes both formats and every rule.
//!
//! - [`parse`] reads scenarios, and says of a malformed one where and why.
//! - [`interpret()`] runs one scenario and writes its log.
//! - [`run`] does both for a whole text.
//! - [`random`] makes scenarios, [`audit()`] runs one and checks the kernel after every op, and [`fuzz`] does both for
//!   a given number.
//! - [`tasklets`] reads and runs scenarios of tasklets and channels, which a real Stackless ran.
//!
//! Nothing here needs a heap or an operating system: the same source runs hosted and on bare
//! metal, so that a difference between two machines is the kernel's.

#![no_std]

#[cfg(target_has_atomic = "ptr")]
use core::sync::atomic;
#[cfg(not(target_has_atomic = "ptr"))]
use portable_atomic as atomic;

mod edit;
pub mod fuzz;
mod interpret;
mod op;
pub mod parse;
mod print;
pub mod random;
mod scenario;
pub mod tasklets;

pub use interpret::{Sink, audit, interpret};
pub use op::{Op, Sharing};
pub use parse::{Malformed, Operation, Reader, Scenarios};
pub use scenario::{Catch, MAX_CHANNELS, MAX_NAME, MAX_NUMBER, MAX_OPS, MAX_SLOTS, Scenario};

/// The folder of the recorded scenarios, on the computer that built this.
pub const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus");

/// Runs every scenario of `text`, one after the other, and returns how many there were.
///
/// Each one runs in a tree of its own: nothing is left over for the next. The whole text is
/// read before the first scenario runs, so a malformed text runs nothing.
///
/// A kernel that does what no scenario can express (a refusal that the format lacks)
/// is not an error here: it stands in the log as a line `* UNEXPECTED ...`, which no correct
/// log has.
///
/// # Errors
///
/// The first [`Malformed`] line of the text.
pub fn run(text: &[u8], sink: Sink) -> Result<usize, Malformed> {
    each(text, |scenario| interpret(scenario, sink))
}

/// Reads the whole text, and then has `interpret` run each scenario.
fn each<O: Operation>(text: &[u8], interpret: impl Fn(&Scenario<O>)) -> Result<usize, Malformed> {
    for scenario in Reader::<O>::new(text) {
        scenario?;
    }
    let mut ran = 0;
    for scenario in Reader::new(text) {
        interpret(&scenario?);
        ran += 1;
    }
    Ok(ran)
}
