//! Checks: counted, and a failed one does not stop the guest.

use crate::atomic::{AtomicUsize, Ordering::Relaxed};
use core::fmt;
use core::panic::Location;

use crate::{console, exit, println};

static PASSED: AtomicUsize = AtomicUsize::new(0);
static TOTAL: AtomicUsize = AtomicUsize::new(0);

/// Counts a condition. A false one prints `FAIL file:line: text`, and the guest continues.
///
/// The text is the condition itself, or what follows it, as in [`format!`](core::format_args).
#[macro_export]
macro_rules! check {
    ($condition:expr $(,)?) => {
        $crate::check::one($condition, ::core::format_args!("{}", ::core::stringify!($condition)))
    };
    ($condition:expr, $($text:tt)+) => {
        $crate::check::one($condition, ::core::format_args!($($text)+))
    };
}

/// What [`check!`] expands to.
#[doc(hidden)]
#[track_caller]
pub fn one(passed: bool, text: fmt::Arguments<'_>) {
    checks(passed.into(), 1);
    if !passed {
        let _held = console::hold();
        console::end_line();
        let here = Location::caller();
        println!("FAIL {}:{}: {text}", here.file(), here.line());
    }
}

/// Counts `total` checks that were made elsewhere, `passed` of which passed.
///
/// # Panics
///
/// When more passed than were made.
pub fn checks(passed: u64, total: u64) {
    assert!(passed <= total, "{passed} checks passed of only {total}: count what was made, too");
    PASSED.fetch_add(passed as usize, Relaxed);
    TOTAL.fetch_add(total as usize, Relaxed);
}

/// Prints the last line of a transcript. What it returns is the guest's exit code.
pub(crate) fn done() -> u8 {
    let (passed, total) = (PASSED.load(Relaxed), TOTAL.load(Relaxed));
    console::end_line();
    #[cfg(feature = "high-water")]
    println!("# deepest stack: {} bytes", greenlet::deepest_stack());
    println!("DONE {passed}/{total}");
    if passed == total && total > 0 { exit::PASSED } else { exit::FAILED }
}
