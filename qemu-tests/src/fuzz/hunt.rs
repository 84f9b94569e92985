//! A search through the scenarios of a seed for one that fails.

use std::fmt;

use anyhow::Result;
use conformance::{Scenario, random};

use super::program::{Failure, Order, Program};
use crate::compile::Profile;
use crate::conformance::Place;
use crate::shrink::{Small, shrink};

/// The most scenarios that one process, or one boot, runs.
const AT_ONCE: u64 = 10_000;

/// Which scenarios: those of a seed, from one index to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    /// The seed.
    pub seed: u64,
    /// The index of the first one.
    pub first: u64,
    /// How many; the last one's index is below 2^64.
    pub count: u64,
}

impl Stretch {
    /// The runner's command that repeats it at one place.
    pub(crate) fn again(self, command: &str, place: Place, profile: Profile) -> String {
        let Self { seed, first, count } = self;
        let profile = match profile {
            Profile::Release => String::new(),
            other => format!(" --{other}"),
        };
        format!("cargo xtask {command} {seed} {count} --from {first} --only {place}{profile}")
    }
}

/// A search through a stretch of scenarios for one that fails.
#[derive(Clone, Copy, Debug)]
pub struct Hunt {
    /// Which.
    pub stretch: Stretch,
    /// Whether the audit gets wrong counts, so that it must fail.
    pub forgetful: bool,
}

/// A scenario that fails.
#[derive(Debug)]
pub struct Caught {
    program: Program,
    hunt: Hunt,
    /// The index of the first one that ran in the same process or boot.
    began: u64,
    failure: Failure,
    found: Option<Found>,
}

/// The parts of it that could be separated.
#[derive(Debug)]
struct Found {
    index: u64,
    scenario: Scenario,
    /// The shrunk scenario and how it fails; `None` if the scenario does not fail when it runs alone.
    small: Option<(Small, Failure)>,
}

impl Hunt {
    /// Runs all scenarios, up to the first one that fails, which is shrunk. `seen` is called with each one when it
    /// begins.
    ///
    /// # Errors
    ///
    /// When nothing could be run at all.
    pub fn run(self, program: &Program, mut seen: impl FnMut(u64)) -> Result<Option<Caught>> {
        let Stretch { seed, mut first, count } = self.stretch;
        let end = first + count;
        while first < end {
            let count = AT_ONCE.min(end - first);
            let order = Order::Random(Stretch { seed, first, count });
            if let Some(failure) = program.run(order, self.forgetful, &mut seen)? {
                return self.caught(program, first, failure).map(Some);
            }
            first += count;
        }
        Ok(None)
    }

    fn caught(self, program: &Program, began: u64, failure: Failure) -> Result<Caught> {
        let found = failure.index.map(|index| self.made_small(program, index, &failure.way)).transpose()?;
        Ok(Caught { program: program.clone(), hunt: self, began, failure, found })
    }

    fn made_small(self, program: &Program, index: u64, way: &str) -> Result<Found> {
        let scenario = random::scenario(self.stretch.seed, index);
        // Each trial in a process or a boot of its own: a crash or hang harms no other one.
        let run = |scenario: &Scenario| program.run(Order::Written(scenario), self.forgetful, |_| ());
        let same = |failure: &Failure| failure.way == way;
        let small = match run(&scenario)?.filter(same) {
            Some(_) => {
                let mut last = None;
                let small = shrink(&scenario, |candidate| {
                    let failure = run(candidate)?.filter(same);
                    let fails = failure.is_some();
                    last = failure.or(last.take());
                    Ok(fails)
                })?;
                let failure = run(&small.scenario)?.or(last);
                failure.map(|failure| (small, failure))
            }
            None => None,
        };
        Ok(Found { index, scenario, small })
    }
}

impl Caught {
    /// The shrunk scenario, if it fails alone.
    #[must_use]
    pub fn small(&self) -> Option<&Scenario> {
        self.found.as_ref()?.small.as_ref().map(|(small, _)| &small.scenario)
    }

    /// The command that repeats the run, from the scenario `first` on.
    fn again(&self, first: u64, count: u64) -> String {
        let stretch = Stretch { seed: self.hunt.stretch.seed, first, count };
        stretch.again("fuzz-kernel", self.program.place, self.program.profile)
    }
}

/// A full report: what failed, how to repeat it, and the shrunk scenario.
impl fmt::Display for Caught {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Program { place, profile, .. } = &self.program;
        let Some(found) = &self.found else {
            return write!(f, "{place} ({profile}): it failed before the first scenario\n{}", self.failure.story);
        };
        let (index, seed) = (found.index, self.hunt.stretch.seed);
        writeln!(f, "{place} ({profile}): scenario {index} of seed {seed} failed\n{}", self.failure.story)?;
        match &found.small {
            Some((small, failure)) => {
                let (ops, all) = (small.scenario.ops(), found.scenario.ops());
                let smallest = if small.smallest { "" } else { "; it took too long to continue" };
                writeln!(f, "\nmade small, {ops} ops of {all}, in {} trials{smallest}:\n", small.trials)?;
                writeln!(f, "{}\n{}\n", small.scenario, failure.story)?;
                write!(f, "again: {}", self.again(index, 1))
            }
            None => {
                writeln!(f, "\nnot by itself: those that ran before it are part of it\n\n{}", found.scenario)?;
                write!(f, "again: {}", self.again(self.began, index - self.began + 1))
            }
        }
    }
}
