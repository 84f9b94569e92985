//! What was not as it must be.

use crate::single::Single;
use core::fmt::{self, Write as _};
use core::panic::Location;
use heapless::String;

/// The first thing in a case that was not as it must be.
#[derive(Clone, Debug)]
pub struct Failure {
    at: &'static Location<'static>,
    text: String<320>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.at.file(), self.at.line(), self.text)
    }
}

impl core::error::Error for Failure {}

/// A case continues after a failure, so that what it holds is dropped in its order; the first one counts.
static FIRST: Single<Failure> = Single::empty();

pub(crate) fn take() -> Option<Failure> {
    FIRST.take()
}

/// Checks that something is as it must be.
#[track_caller]
pub(crate) fn same<T: PartialEq + fmt::Debug>(found: T, expected: T) {
    if found != expected {
        failed(Location::caller(), format_args!("found {found:?}, expected {expected:?}"));
    }
}

/// Checks a condition.
#[track_caller]
pub(crate) fn holds(condition: bool, what: &str) {
    if !condition {
        failed(Location::caller(), format_args!("it does not hold that {what}"));
    }
}

#[cold]
fn failed(at: &'static Location<'static>, what: fmt::Arguments<'_>) {
    let first = FIRST.take().unwrap_or_else(|| {
        let mut text = String::new();
        // A text that is too long is cut.
        let _cut = text.write_fmt(what);
        Failure { at, text }
    });
    FIRST.set(first);
}
