//@ icount
//@ exit: timeout
//@ timeout: 5
//@ stack: 4096
#![no_std]
#![no_main]
//! The sweep of `hub_sweep` on a hub that looks for work and then sleeps, unmasked: a wake between the two is lost.

use core::arch::asm;

use board::println;
use greenlet_hub::Hub;

#[path = "hub/machine.rs"]
mod machine;
#[path = "hub/sweep.rs"]
mod sweep;

board::guest!(main);

static HUB: Hub<2> = Hub::new(&sweep::Sweeping(idle));

/// Sleeps with interrupts unmasked: the mistake that the provided sleep prevents.
fn idle(sleep: &mut dyn FnMut() -> bool) {
    if sleep() {
        // SAFETY: a hint.
        #[cfg(not(target_arch = "x86_64"))]
        unsafe {
            asm!("wfi", options(nostack, preserves_flags));
        }
        // SAFETY: interrupts are unmasked.
        #[cfg(target_arch = "x86_64")]
        unsafe {
            asm!("hlt", options(nostack, preserves_flags));
        }
    }
}

fn main() {
    println!("one of these wakes is lost");
    sweep::run(&HUB);
}
