//@ icount
//@ stack: 4096
#![no_std]
#![no_main]
//! A handler wakes a task at each nanosecond in turn, from before it looks for the wake until after the core sleeps.

use greenlet_hub::{Hub, Platform, sleep_if};

#[path = "hub/machine.rs"]
mod machine;
#[path = "hub/sweep.rs"]
mod sweep;

board::guest!(main);

/// The machine, with its sleeps counted.
struct Counting;

impl Platform for Counting {
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
        sleep_if(|| sweep::counting(sleep));
    }
}

static HUB: Hub<2> = Hub::new(&Counting);

fn main() {
    sweep::run(&HUB);
}
