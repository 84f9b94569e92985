//! Scenario after scenario, audited: what the fuzz program does, hosted and in a guest.

use core::fmt;

use crate::interpret::{Sink, audit, write};
use crate::parse::{Malformed, Scenarios};
use crate::{Scenario, random};

/// What to run: the program's input, taken apart.
///
/// ```text
/// random SEED FIRST COUNT     the scenarios FIRST, FIRST + 1, ... of a seed
/// scenario NAME ...           these
/// ```
///
/// A line `forgetful` in front of either makes the interpreter keep wrong books: the audit must find that.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    forgetful: bool,
    scenarios: Source<'a>,
}

#[derive(Clone, Debug)]
enum Source<'a> {
    Random { seed: u64, indices: core::ops::Range<u64> },
    Written { scenarios: Scenarios<'a>, count: u64 },
}

/// An order that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadOrder {
    /// After `random` there are not three numbers, and nothing else.
    Random,
    /// The scenarios cannot be read.
    Scenarios(Malformed),
}

impl fmt::Display for BadOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Random => f.write_str("expected `random SEED FIRST COUNT`"),
            Self::Scenarios(malformed) => write!(f, "line {} of the scenarios: {malformed}", malformed.line),
        }
    }
}

impl core::error::Error for BadOrder {}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Scenarios without a violation.
    pub clean: u64,
    /// Scenarios that ran: one more when there was a violation, because that ends it.
    pub ran: u64,
}

impl<'a> Order<'a> {
    /// Reads an order, whole: nothing runs if there is something wrong with it.
    ///
    /// # Errors
    ///
    /// [`BadOrder`]: what is wrong.
    pub fn read(input: &'a [u8]) -> Result<Self, BadOrder> {
        let (forgetful, input) = match input.strip_prefix(b"forgetful\n") {
            Some(rest) => (true, rest),
            None => (false, input),
        };
        let scenarios = match input.strip_prefix(b"random ") {
            Some(numbers) => random(numbers).ok_or(BadOrder::Random)?,
            None => {
                let mut count = 0;
                for scenario in Scenarios::new(input) {
                    scenario.map_err(BadOrder::Scenarios)?;
                    count += 1;
                }
                Source::Written { scenarios: Scenarios::new(input), count }
            }
        };
        Ok(Self { forgetful, scenarios })
    }

    /// Runs everything, up to the first violation.
    ///
    /// `say` gets a line `# INDEX` before each scenario, so that the reader of the output finds which one ended the
    /// program if one does, and the line of the [violation](audit()).
    #[must_use]
    pub fn run(self, say: Sink) -> Tally {
        let run = |index: u64, scenario: &Scenario| {
            write(say, format_args!("# {index}"));
            audit(scenario, say, self.forgetful)
        };
        let mut tally = Tally { clean: 0, ran: 0 };
        let mut count = |clean: bool| {
            tally.ran += 1;
            tally.clean += u64::from(clean);
            clean
        };
        match self.scenarios {
            Source::Random { seed, mut indices } => {
                let _ = indices.all(|index| count(run(index, &random::scenario(seed, index))));
            }
            Source::Written { scenarios, count: all } => {
                // `read` has seen that all of them are well formed.
                let _ = (0..all).zip(scenarios.flatten()).all(|(index, scenario)| count(run(index, &scenario)));
            }
        }
        tally
    }
}

/// Reads what follows the word `random`.
fn random<'a>(numbers: &[u8]) -> Option<Source<'a>> {
    let mut words = core::str::from_utf8(numbers).ok()?.split_ascii_whitespace();
    let mut number = || words.next()?.parse::<u64>().ok();
    let (seed, first, count) = (number()?, number()?, number()?);
    let end = first.checked_add(count)?;
    words.next().is_none().then_some(Source::Random { seed, indices: first..end })
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString as _;

    use super::*;

    #[test]
    fn what_is_no_order_is_refused() {
        for bad in
            ["random 1 2", "random 1 2 3 4", "random -1 2 3", "random 18446744073709551615 1 18446744073709551615"]
        {
            assert_eq!(Order::read(bad.as_bytes()).unwrap_err(), BadOrder::Random, "{bad}");
        }
        let bad = Order::read(b"forgetful\nscenario a\nslots 1\ncur\nend\n").unwrap_err();
        assert!(bad.to_string().starts_with("line 3 of the scenarios: "), "{bad}");
    }
}
