//! Scenarios of tasklets and channels: the proof that `greenlet-tasklets` means what Stackless Python means.
//!
//! A real Stackless ran each scenario of `corpus/tasklets`, and its log stands beside it. This runs the same scripts on
//! the scheduler and writes its own log; the two must agree byte for byte. `corpus/tasklets/README.md` describes both
//! formats and every rule.

mod interpret;
mod log;
mod machine;
mod op;
#[cfg(test)]
mod tests;

pub use interpret::interpret;
pub use op::{Line, Op, Slot, Value, When};

use crate::{Malformed, Sink, scenario};

/// The scenarios of tasklets in a text, one after the other.
///
/// ```
/// use conformance::tasklets::Scenarios;
///
/// let text = b"scenario hello\nslots 1\nchannels 2\nscript 0\ncur\nend\n";
/// let scenario = Scenarios::new(text).next().unwrap().unwrap();
/// assert_eq!((scenario.name(), scenario.slots(), scenario.channels()), ("hello", 1, 2));
/// ```
pub type Scenarios<'a> = crate::parse::Reader<'a, Op>;

/// A scenario of tasklets.
pub type Scenario = scenario::Scenario<Op>;

/// Runs every scenario of `text`, as [`conformance::run`](crate::run) does.
///
/// # Errors
///
/// The first [`Malformed`] line of the text.
pub fn run(text: &[u8], sink: Sink) -> Result<usize, Malformed> {
    crate::each(text, |scenario| interpret(scenario, sink))
}
