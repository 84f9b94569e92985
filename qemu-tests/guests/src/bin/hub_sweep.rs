//@ icount
//@ long
//@ stack: 4096
#![no_std]
#![no_main]
//! A handler wakes a task at each nanosecond in turn, from before it looks for the wake until after the core sleeps.

use greenlet_hub::{Hub, sleep_if};

#[path = "hub/machine.rs"]
mod machine;
#[path = "hub/sweep.rs"]
mod sweep;

board::guest!(main);

static HUB: Hub<2> = Hub::new(&sweep::Sweeping(|sleep| sleep_if(sleep)));

fn main() {
    sweep::run(&HUB);
}
