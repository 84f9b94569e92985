//@ icount
//@ exit: timeout
//@ timeout: 5
//@ stack: 4096
#![no_std]
#![no_main]
//! The sweep of `hub_sweep` on a hub that looks for work and then sleeps, unmasked: a wake between the two is lost.

use core::arch::asm;

use board::println;
use greenlet_hub::{Hub, Platform};

#[path = "hub/machine.rs"]
mod machine;
#[path = "hub/sweep.rs"]
mod sweep;

board::guest!(main);

/// The machine, with the mistake that the provided sleep is there to prevent.
struct Careless;

impl Platform for Careless {
    fn now(&self) -> u64 {
        machine::Machine.now()
    }

    fn hertz(&self) -> u32 {
        machine::Machine.hertz()
    }

    fn arm(&self, at: Option<u64>) {
        machine::Machine.arm(at);
    }

    fn idle(&self, sleep: &mut dyn FnMut() -> bool) {
        if sweep::counting(sleep) {
            // SAFETY: a hint.
            #[cfg(target_arch = "aarch64")]
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
}

static HUB: Hub<2> = Hub::new(&Careless);

fn main() {
    println!("one of these wakes is lost");
    sweep::run(&HUB);
}
