//! Panics, wherever the user's code runs: with the feature `std` they propagate to the right greenlet, and lose
//! nothing.

mod bodies;
mod destructors;
mod hooks;

pub(super) use bodies::CASES as BODIES;
pub(super) use destructors::CASES as DESTRUCTORS;
pub(super) use hooks::CASES as HOOKS;

use super::group;
use crate::values::Handle;
use crate::verdict::same;
use crate::world::{spawn, started};
use std::boxed::Box;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Panics without a word on stderr.
fn blow() {
    resume_unwind(Box::new("boom"))
}

/// Whether `act` panics, with what [`blow`] says.
#[track_caller]
fn blows(act: impl FnOnce()) {
    let payload = catch_unwind(AssertUnwindSafe(act)).err();
    same(payload.as_ref().and_then(|payload| payload.downcast_ref::<&str>()).copied(), Some("boom"));
}

/// A child of main that waits, and panics when it is resumed, by whatever it gets.
fn bomb(main: &Handle) -> Handle {
    started(spawn(main, |me, x| {
        let answer = me.up(x);
        blow();
        answer
    }))
}
