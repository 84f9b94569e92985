//@ not-a-test
//@ icount
//@ debug-info
#![no_std]
#![no_main]
//! What each operation costs, in instructions executed: exact, by QEMU's `-icount shift=0`. Built with --release.
//!
//! Prints what the loops of the package `operations` took, for the runner to make figures of. Debug information is part
//! of its setting: variables change what the compiler does with a few instructions of `enter` and of the end of a tree.

use board::{check, println};
use core::cell::Cell;
use operations::{Meter, TURNS, all};

board::guest!(main);

fn main() {
    // As in most firmware; a switch has more to ask where they are masked.
    board::interrupts::on(|| ());
    board::interrupts::enable();
    let clock = Clock::default();
    for operation in all() {
        for turns in TURNS {
            let ran = clock::in_each_phase(|phase| {
                clock.phase.set(phase);
                operation.run(turns, &clock)
            });
            check!(ran.is_ok(), "{}, {turns} turns: an operation was refused", operation.name);
            println!("ran {} {} {turns} {}", operation.name, operation.part, clock.took.take());
        }
    }
}

/// Reads the machine's clock, on which an instruction is a nanosecond.
#[derive(Default)]
struct Clock {
    phase: Cell<u32>,
    begun: Cell<u64>,
    /// In all phases together.
    took: Cell<u64>,
}

impl Meter for Clock {
    fn begin(&self) {
        self.begun.set(clock::begin(self.phase.get()));
    }

    fn end(&self) {
        self.took.set(self.took.get() + (clock::now() - self.begun.get()));
    }
}

/// Each instruction is seen.
#[cfg(not(all(target_arch = "arm", not(target_has_atomic = "64"))))]
mod clock {
    pub(crate) fn in_each_phase<E>(run: impl FnOnce(u32) -> Result<(), E>) -> Result<(), E> {
        run(0)
    }

    pub(crate) fn begin(_phase: u32) -> u64 {
        board::instructions()
    }

    pub(crate) use board::instructions as now;
}

/// On Cortex-M no clock is so fine. An operation is run once for each instruction by which it can begin after a tick,
/// and the ticks of all these add up to its instructions.
#[cfg(all(target_arch = "arm", not(target_has_atomic = "64")))]
mod clock {
    pub(crate) fn in_each_phase<E>(run: impl FnMut(u32) -> Result<(), E>) -> Result<(), E> {
        (0..board::phases()).try_for_each(run)
    }

    pub(crate) fn begin(phase: u32) -> u64 {
        board::count_ticks(phase);
        0
    }

    pub(crate) fn now() -> u64 {
        board::ticks().into()
    }
}
