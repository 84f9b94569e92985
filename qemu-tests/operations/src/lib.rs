//! Each operation of the public API that moves control, claims or gives back, as a named loop of which instructions are
//! counted.
//!
//! | module | operations |
//! |---|---|
//! | `transfers` | switches, `up`, throws: between greenlets that live on |
//! | `values` | the same with larger values |
//! | `ends` | the first switch and the last one; kills |
//! | `lives` | from the claim of a stack to its return, by kind of pool |
//! | `handles` | handles, weak and counted; reports |
//! | `family` | parents, bodies given later, the census |
//! | `locals` | values and contexts of a greenlet, claimed |
//! | `requests` | kills and wakes from elsewhere |
//! | `trees` | trees entered and left; tracers |
//!
//! A loop runs between two moments of a [`Meter`], for a number of turns that the caller gives. What it takes for more
//! turns beyond what it takes for fewer is the operation, with what it makes of the loop, whose variables a switch
//! leaves in memory; less what the operation [`EMPTY`] takes, which is the loop alone. A switch one way is half of a
//! round trip, the larger half, between two such loops:
//!
//! ```text
//! main:       for _ in 0..turns { x = other.switch(x)?; }
//! the other:  loop { y = parent.switch(y)?; }
//! ```
//!
//! The guest `count` runs them on bare metal, and the example `operations` hosted. The host program that turns their
//! output into figures knows the form of a line: `ran NAME PART TURNS INSTRUCTIONS`.

#![no_std]

#[cfg(target_has_atomic = "ptr")]
use core::sync::atomic;
#[cfg(not(target_has_atomic = "ptr"))]
use portable_atomic as atomic;

mod ends;
mod family;
mod handles;
mod lives;
mod locals;
mod meter;
mod requests;
mod stacks;
mod transfers;
mod trees;
mod values;

pub use meter::{Meter, Unexpected};

use core::fmt;
use meter::{Done, NoMeter, Run};

/// A value of 8 bytes, which travels in a register.
type Main<V = u64> = greenlet::Main<V, &'static str>;
type Me<V = u64> = greenlet::Me<V, &'static str>;
type Greenlet<V = u64> = greenlet::Greenlet<V, &'static str>;
type Tree<V = u64> = greenlet::Tree<V, &'static str>;
type Outcome<V = u64> = greenlet::Outcome<V, &'static str>;

/// For how many turns each operation is to be run: in steps of one length, so that two differences can be compared,
/// which must be the same.
pub const TURNS: [usize; 3] = [16, 32, MOST];

/// The most turns: as many greenlets stand ready where each turn uses one up.
const MOST: usize = 48;

/// How many greenlets stand by in the trees of the operations, up to 10,000: what an operation takes should not depend
/// on it.
#[cfg(feature = "crowd")]
pub static CROWD_SIZE: core::sync::atomic::AtomicUsize = core::sync::atomic::AtomicUsize::new(0);

/// The name of the operation that does nothing.
pub const EMPTY: &str = "empty";

/// Something that is counted.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// What its figure is called.
    pub name: &'static str,
    /// What of a turn is the operation.
    pub part: Part,
    run: fn(&Run<'_>) -> Done,
}

/// What of a turn is the operation.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    /// All of it.
    Whole,
    /// One of two equal ways: the larger half.
    Half,
    /// What remains without the operation of this name.
    Less(&'static str),
}

/// In the form that programs read: one word.
impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("whole"),
            Self::Half => f.write_str("half"),
            Self::Less(other) => write!(f, "less:{other}"),
        }
    }
}

impl Operation {
    const fn whole(name: &'static str, run: fn(&Run<'_>) -> Done) -> Self {
        Self { name, part: Part::Whole, run }
    }

    const fn half(name: &'static str, run: fn(&Run<'_>) -> Done) -> Self {
        Self { name, part: Part::Half, run }
    }

    const fn less(other: &'static str, name: &'static str, run: fn(&Run<'_>) -> Done) -> Self {
        Self { name, part: Part::Less(other), run }
    }

    /// Runs it for `turns` turns, at most the last of [`TURNS`]; before that as often as that without the meter, for
    /// what the first use of a stack does. No tree may be entered on this core.
    ///
    /// # Errors
    ///
    /// When an operation does not do what it does; nothing was counted then.
    pub fn run(&self, turns: usize, meter: &dyn Meter) -> Result<(), Unexpected> {
        (self.run)(&Run { turns: MOST, meter: &NoMeter })?;
        (self.run)(&Run { turns: turns.min(MOST), meter })
    }
}

/// All operations, group by group; the empty one comes first.
pub fn all() -> impl Iterator<Item = Operation> {
    let empty = Operation::whole(EMPTY, |run| run.each(|_| Ok(())));
    let groups = [
        transfers::OPERATIONS,
        values::OPERATIONS,
        ends::OPERATIONS,
        lives::OPERATIONS,
        handles::OPERATIONS,
        family::OPERATIONS,
        locals::OPERATIONS,
        requests::OPERATIONS,
        trees::OPERATIONS,
    ];
    core::iter::once(empty).chain(groups.into_iter().flatten().copied())
}
