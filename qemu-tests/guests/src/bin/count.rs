//@ not-a-test
//@ icount
//@ debug-info
#![no_std]
#![no_main]
//! What each operation costs, in instructions executed: exact, by QEMU's `-icount shift=0`. Built with --release.
//!
//! Prints what the loops of the package `operations` took, for the runner to make figures of. Debug information is part
//! of its setting: variables change what the compiler does with a few instructions of `enter` and of the end of a tree.

use board::{check, instructions, println};
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
            let ran = operation.run(turns, &clock);
            check!(ran.is_ok(), "{}, {turns} turns: an operation was refused", operation.name);
            println!("ran {} {} {turns} {}", operation.name, operation.part, clock.took.get());
        }
    }
}

/// Reads the machine's clock, on which an instruction is a nanosecond.
#[derive(Default)]
struct Clock {
    begun: Cell<u64>,
    took: Cell<u64>,
}

impl Meter for Clock {
    fn begin(&self) {
        self.begun.set(instructions());
    }

    fn end(&self) {
        self.took.set(instructions() - self.begun.get());
    }
}
