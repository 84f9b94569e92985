//! Misuse: what the kernel must refuse, and what it must survive, as cases with names.
//!
//! | module | cases |
//! |---|---|
//! | `matrix` | every function of a handle with a greenlet in every state, and what must come of it |
//! | `reentry` | everything that the kernel calls, with every operation inside of it |
//! | `named` | what takes a story: destructors that switch, hooks that misbehave, bodies that never return, empty pools |
//!
//! A case says what it expects, in numbers and variants that are written down. After each one the account is made: no
//! value, error or body exists that did not before, every stack is free, no hook was called unexpectedly, and both
//! trees can be entered and are empty. A case about a greenlet that never ends says how many stacks are gone for ever.
//!
//! Nothing here needs a heap or an operating system: `tests/cases.rs` runs the cases hosted, each a test, and the guest
//! `misuse` runs all of them on bare metal. With the feature `std` there are cases about panics as well.

#![no_std]

#[cfg(any(feature = "std", unix))]
extern crate std;

mod account;
mod answer;
mod matrix;
mod named;
pub mod reentry;
mod single;
mod values;
mod verdict;
mod world;

pub use verdict::Failure;

use account::Account;
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};
use matrix::{Call, State, Wanted};
use reentry::{Callback, Operation};

/// A case: something wrong that is done, and what must come of it.
#[derive(Clone, Copy)]
pub struct Case {
    group: &'static str,
    name: &'static str,
    what: What,
    /// How many stacks are gone for ever afterwards, and how many values that lay on them.
    keeps: (usize, u32),
}

#[derive(Clone, Copy)]
enum What {
    Story(fn()),
    Cell(State, Call, Wanted),
    Inside(&'static Callback, &'static Operation),
}

/// All cases, group by group.
pub fn cases() -> impl Iterator<Item = Case> {
    named::GROUPS.iter().copied().flatten().copied().chain(matrix::cases()).chain(reentry::cases())
}

/// One case runs at a time: they share their trees, their pools, and what counts values.
static RUNNING: AtomicBool = AtomicBool::new(false);

/// While this lives, a case runs.
struct Running;

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.store(false, Ordering::Release);
    }
}

impl Case {
    const fn story(group: &'static str, name: &'static str, story: fn()) -> Self {
        Self { group, name, what: What::Story(story), keeps: (0, 0) }
    }

    const fn keeping(self, stacks: usize, values: u32) -> Self {
        Self { keeps: (stacks, values), ..self }
    }

    /// The function or the subject that it is about.
    #[must_use]
    pub fn group(&self) -> &'static str {
        self.group
    }

    /// Runs it, and makes the account.
    ///
    /// # Errors
    ///
    /// The first thing that was not as it must be.
    ///
    /// # Panics
    ///
    /// When another case is running, in another thread.
    #[expect(clippy::result_large_err, reason = "it carries its words with it, because there is no heap")]
    pub fn run(&self) -> Result<(), Failure> {
        assert!(!RUNNING.swap(true, Ordering::Acquire), "one case at a time: run with --test-threads=1");
        // Also when the case panics: the others are not to fail with it.
        let _running = Running;
        let before = Account::open();
        match self.what {
            What::Story(story) => story(),
            What::Cell(state, call, wanted) => matrix::play(state, call, wanted),
            What::Inside(callback, operation) => reentry::play(callback, operation),
        }
        before.close(self.keeps);
        verdict::take().map_or(Ok(()), Err)
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}", self.group, self.name)
    }
}
