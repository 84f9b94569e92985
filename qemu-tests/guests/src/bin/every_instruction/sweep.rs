//! The timer, set to every nanosecond of an operation in turn: one run for each.

use board::{check, interrupts};

use crate::handler::{self, NEVER, Plan};
use crate::isa;

/// More nanoseconds than any operation takes.
const MOST: u32 = 1 << 18;

/// Runs an operation again and again, so that the timer's interrupt comes before each of its instructions. `run` does
/// it by a plan, and looks at what became of it. The handler sets the timer `again`, if not to [`NEVER`]. Returns how
/// many runs it took.
pub(crate) fn sweep(run: &impl Fn(Plan), again: u32) -> u32 {
    let first = first_during(run);
    let mut runs = 0;
    for nanoseconds in first..MOST {
        run(Plan::Timer(nanoseconds, again));
        if handler::came() == handler::AFTER {
            return runs;
        }
        runs += 1;
        if isa::is_undone(interrupts::interrupted()) {
            runs += sweep_undone(run, nanoseconds);
        }
    }
    check!(false, "it takes more than {MOST} ns: is this QEMU with -icount shift=0?");
    runs
}

/// The interrupt after `nanoseconds` has the operation do what it does in no undisturbed run, until it is back at the
/// same instruction: a second one is swept over that.
fn sweep_undone(run: &impl Fn(Plan), nanoseconds: u32) -> u32 {
    /// More nanoseconds than the end of the handler and the way back take.
    const LONGEST: u32 = 1 << 12;
    let at = interrupts::interrupted();
    let mut has_left = false;
    for again in 0..LONGEST {
        run(Plan::Timer(nanoseconds, again));
        // Too early, it comes at once.
        let is_back = interrupts::interrupted() == at;
        if is_back && has_left {
            return again + 1;
        }
        has_left |= !is_back;
    }
    check!(false, "it never comes back to {at:#x}");
    LONGEST
}

/// After how many nanoseconds the interrupt comes during the operation, at the earliest.
fn first_during(run: &impl Fn(Plan)) -> u32 {
    let (mut low, mut high) = (0, MOST);
    while low < high {
        let middle = low.midpoint(high);
        run(Plan::Timer(middle, NEVER));
        if handler::came() == handler::BEFORE { low = middle + 1 } else { high = middle }
    }
    low
}
