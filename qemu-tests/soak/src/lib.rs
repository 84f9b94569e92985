//! A soak: one long-lived tree of up to 64 greenlets that do random things to each other, and an audit after each of
//! them.
//!
//! The fuzzer of the package `conformance` runs many short scripts, each in a fresh tree. Here nothing ever starts
//! anew: stacks, places of contexts and local values, numbers and counts are used over and over, by all greenlets in
//! turn.
//!
//! ```text
//!   main ─┐                       ┌─► ops: one random operation ─► the kernel ─► maybe another greenlet
//!         ├─► body: again and again │
//!   each ─┘                       └─► audit: is everything as the books say?
//! ```
//!
//! | module | holds |
//! |---|---|
//! | `numbers` | random numbers from a seed |
//! | `values` | what is sent, and what is counted |
//! | `world` | the tree, its pools, and the handles that are held |
//! | `books` | what is noted while operations run |
//! | `ops`, `population` | the operations |
//! | `body` | what each greenlet does |
//! | `audit` | what must hold |
//!
//! What happens depends on seed and number alone, on every machine. So a failure is had again by its seed, and the
//! digest of all that came back is the same everywhere.

#![no_std]

#[cfg(target_has_atomic = "ptr")]
use core::sync::atomic;
#[cfg(not(target_has_atomic = "ptr"))]
use portable_atomic as atomic;

mod audit;
mod body;
mod books;
mod numbers;
mod ops;
mod population;
mod values;
mod world;

use core::fmt;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use greenlet::Stack;
use heapless::String;

/// How many greenlets there can be at a time, main not counted.
pub const GREENLETS: usize = 64;

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Where the random numbers begin.
    pub seed: u64,
    /// How many operations.
    pub count: u64,
}

/// How it went.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Operations that were done, and found as they must be.
    pub done: u64,
    /// Of all that came back: the same on every machine.
    pub digest: u64,
    /// What happened meanwhile.
    pub story: Story,
    /// What was wrong after the operation that follows those that were done.
    pub failure: Option<String<256>>,
}

/// What happened in a soak: that it was worth something.
#[derive(Clone, Copy, Debug, Default)]
pub struct Story {
    /// Greenlets that were made.
    pub made: u64,
    /// The most that there were at a time.
    pub most: usize,
    /// The most kills that were in progress at a time.
    pub kills: u32,
    /// How often one was reported leaked.
    pub leaks: u64,
    /// Times when there was no stack for a greenlet to be spawned.
    pub full: u64,
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { made, most, kills, leaks, full } = self;
        write!(
            f,
            "made {made}, up to {most} at a time; up to {kills} kills inside each other; {leaks} leaks; {full} times full"
        )
    }
}

impl Order {
    /// Reads `SEED COUNT`.
    #[must_use]
    pub fn read(text: &[u8]) -> Option<Self> {
        let mut words = core::str::from_utf8(text).ok()?.split_ascii_whitespace();
        let mut number = || words.next()?.parse().ok();
        let order = Self { seed: number()?, count: number()? };
        words.next().is_none().then_some(order)
    }

    /// Does it. `prepare` is called with every stack before a greenlet uses it, for tools that watch stacks; `progress`
    /// of every millionth operation.
    ///
    /// # Panics
    ///
    /// When a tree is entered already.
    #[must_use]
    pub fn run(self, prepare: fn(Stack), progress: fn(u64)) -> Tally {
        body::run(self, prepare, progress)
    }
}

/// Operations that were done.
static DONE: AtomicUsize = AtomicUsize::new(0);

/// How many operations were done so far: for a report of a panic, which is the next one's.
#[must_use]
pub fn so_far() -> u64 {
    DONE.load(Relaxed) as u64
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.seed, self.count)
    }
}
