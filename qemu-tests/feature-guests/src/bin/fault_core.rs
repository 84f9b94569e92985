//@ cores: 3
//@ exit: fault
#![no_std]
#![no_main]
//! Another core than the first overflows the stack it was started on: reported like any, and lines come out whole
//! meanwhile.

use core::hint::{black_box, spin_loop};
use core::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use board::{check, cores, println};

board::guest!(main);
greenlet::core_identity!(feature_guests::EveryCore);

const CORES: usize = 3;

/// Cores that have printed.
static PRINTED: AtomicUsize = AtomicUsize::new(0);

fn main() {
    check!(cores::number() == 0);
    cores::run(CORES, on_core);
}

fn on_core(core: usize) {
    check!(cores::number() == core);
    for _ in 0..20 {
        println!("a line that is printed by {CORES} cores at once, {} times each, and comes out in one piece", 20);
    }
    PRINTED.fetch_add(1, SeqCst);
    while PRINTED.load(SeqCst) < CORES {
        spin_loop();
    }
    match core {
        2 => println!("not reached: {}", sink(1)),
        // Ended with the machine.
        _ => loop {
            spin_loop();
        },
    }
}

/// Uses all of the stack.
#[inline(never)]
fn sink(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    match depth {
        u64::MAX => 0,
        _ => sink(depth + 1).wrapping_add(black_box(frame)[7]),
    }
}
