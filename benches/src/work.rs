//! What is measured, by name.

use std::fmt;

/// A work; its name is its `Display`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// One partner, an integer out and back.
    RoundTrip,
    /// Four places in the program, each with a partner of its own, in turn.
    Sites4,
    /// The same with eight.
    Sites8,
    /// Eight places, and eight partners with a body each.
    Bodies8,
    /// One place, this many partners in turn.
    Ring(usize),
    /// One place, this many partners in random order.
    Random(usize),
    /// The partner suspends in a function called so deep, and returns from it each time.
    Depth(usize),
    /// One partner, a value of 64 bytes out and back.
    Value64,
    /// The same with 256.
    Value256,
    /// An error is thrown into a partner that waits so many functions deep, handled there, and answered.
    Throw(usize),
    /// A partner is created, runs, and ends.
    Create,
    /// A partner is created, suspends once, and is dropped.
    Kill,
    /// A partner suspends with each of 10^6 numbers.
    Generate,
    /// An error climbs so many partners, each of which has resumed the next.
    Climb(usize),
    /// Lookups in a table larger than the caches, so many in progress at a time.
    Lookup(usize),
    /// As `Random`, for a number that is not known here: how costs grow.
    Scale(usize),
}

/// The numbers of a generator.
pub(crate) const NUMBERS: usize = 1_000_000;

/// In the order of the table.
pub(crate) const WORKS: [Work; 19] = [
    Work::RoundTrip,
    Work::Sites4,
    Work::Sites8,
    Work::Bodies8,
    Work::Ring(8),
    Work::Random(8),
    Work::Ring(1000),
    Work::Random(1000),
    Work::Depth(1),
    Work::Depth(4),
    Work::Depth(16),
    Work::Value64,
    Work::Value256,
    Work::Throw(1),
    Work::Throw(5),
    Work::Create,
    Work::Kill,
    Work::Generate,
    Work::Climb(100),
];

/// Lookups by 8, 16, and 32 coroutines, in a table of their own.
pub(crate) const LOOKUPS: [Work; 3] = [Work::Lookup(8), Work::Lookup(16), Work::Lookup(32)];

/// How many are alive in the rows about scale.
pub(crate) const SCALES: [usize; 7] = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000];

impl Work {
    /// The work of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let scales = SCALES.iter().map(|&alive| Self::Scale(alive));
        WORKS.into_iter().chain(LOOKUPS).chain(scales).find(|work| work.to_string() == name)
    }

    /// How many lookups are in progress at a time, if it is about these.
    pub(crate) fn lanes(self) -> Option<usize> {
        if let Self::Lookup(lanes) = self { Some(lanes) } else { None }
    }

    /// Whether it takes so long that it is not to be measured in every round.
    pub(crate) fn is_long(self) -> bool {
        matches!(self, Self::Generate)
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RoundTrip => f.write_str("round-trip"),
            Self::Sites4 => f.write_str("sites-4"),
            Self::Sites8 => f.write_str("sites-8"),
            Self::Bodies8 => f.write_str("bodies-8"),
            Self::Ring(targets) => write!(f, "ring-{targets}"),
            Self::Random(targets) => write!(f, "random-{targets}"),
            Self::Depth(depth) => write!(f, "depth-{depth}"),
            Self::Value64 => f.write_str("value-64"),
            Self::Value256 => f.write_str("value-256"),
            Self::Throw(frames) => write!(f, "throw-{frames}"),
            Self::Create => f.write_str("create-run-finish"),
            Self::Kill => f.write_str("create-switch-kill"),
            Self::Generate => f.write_str("generator-1000000"),
            Self::Climb(depth) => write!(f, "climb-{depth}"),
            Self::Lookup(lanes) => write!(f, "lookup-{lanes}"),
            Self::Scale(alive) => write!(f, "scale-{alive}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LOOKUPS, SCALES, WORKS, Work};

    #[test]
    fn names_are_names_of_one_work() {
        for work in WORKS.into_iter().chain(LOOKUPS).chain(SCALES.iter().map(|&alive| Work::Scale(alive))) {
            assert_eq!(Work::named(&work.to_string()), Some(work));
        }
        assert_eq!(Work::named("nothing"), None);
    }
}
