//! Scenarios of tasklets and channels: the proof that `greenlet-tasklets` means what Stackless Python means.
//!
//! A scenario is a handful of straight-line scripts, one for each tasklet. A real Stackless ran each scenario of `corpus/`, and
//! its log stands beside it. This crate runs the same scripts on the scheduler and writes its own log; the two must agree byte
//! for byte. `corpus/README.md` describes both formats and every rule.
//!
//! - [`Scenarios`] reads scenarios, and says of a malformed one where and why.
//! - [`interpret()`] runs one scenario and writes its log.
//! - [`run`] does both for a whole text.
//!
//! Nothing here needs a heap or an operating system: the same source runs hosted and on bare metal.

#![no_std]
#![forbid(unsafe_code)]

mod interpret;
mod log;
mod machine;
mod malformed;
mod ops;
mod parse;
mod scenario;

pub use interpret::interpret;
pub use machine::Sink;
pub use malformed::{Malformed, Problem, Wanted};
pub use parse::Scenarios;
pub use scenario::{
    Catch, Line, MAX_CHANNELS, MAX_NAME, MAX_NUMBER, MAX_OPS, MAX_SLOTS, Op, Scenario, Slot, Value, When,
};

/// Runs every scenario of `text`, one after the other, and returns how many there were.
///
/// Each one runs in a run of its own: nothing is left over for the next. The whole text is read before the first scenario runs,
/// so a malformed text runs nothing.
///
/// # Errors
///
/// The first [`Malformed`] line of the text.
pub fn run(text: &[u8], sink: Sink) -> Result<usize, Malformed> {
    for scenario in Scenarios::new(text) {
        scenario?;
    }
    let mut ran = 0;
    for scenario in Scenarios::new(text) {
        interpret(&scenario?, sink);
        ran += 1;
    }
    Ok(ran)
}
