#![no_std]
#![no_main]
//! Four greenlets on a Cortex-M0 with 4 KiB of RAM, for all: statics, four stacks, and that of main.
//!
//! Each adds up what it is sent, and ends in another way: by a value, an error that it catches, a kill, and a lost
//! handle. Then others have the stacks.

use greenlet::{Greenlet, Me, Outcome, StackPool, Thrown, Tree};
use sizes::figure;

sizes::program!(main);

/// The least SIZE for these bodies, rounded up to what the RAM has room for. Others are not measured.
const SIZE: usize = if cfg!(target_has_atomic = "ptr") { 4096 } else { 768 };

static STACKS: StackPool<4, SIZE> = StackPool::new();
static TREE: Tree<u32> = Tree::new();

type Handle = Greenlet<u32, &'static str>;

/// Adds up what it is sent, until that is 0, or an error.
fn sum(me: &Me<u32, &'static str>, first: u32) -> Outcome<u32, &'static str> {
    let mut sum = first;
    loop {
        match me.up(sum) {
            Ok(0) => return Ok(sum),
            Ok(more) => sum += more,
            Err(Thrown::Error(_)) => return Ok(sum + 1000),
            other => return other,
        }
    }
}

fn main(seed: u64) -> u64 {
    let seed = seed as u32;
    let passed = TREE.enter(|main| {
        for _ in 0..3 {
            let new = || main.spawn(&STACKS, sum).ok();
            let all = [new()?, new()?, new()?, new()?];
            let sent = |more: u32, expected: u32| all.iter().all(|one: &Handle| one.switch(more) == Ok(expected));
            let runs = sent(seed, seed) && (1..=100).all(|more| sent(1, seed + more));
            let full = main.spawn(&STACKS, sum).is_err();
            let whole = all.iter().all(|one| one.is_intact());
            let [by_value, by_error, by_kill, by_drop] = all;
            drop(by_drop);
            let ends = by_value.switch(0) == Ok(seed + 100)
                && by_error.throw("enough") == Ok(seed + 1100)
                && by_kill.kill_with(7) == Ok(7);
            drop((by_value, by_error, by_kill));
            if !(runs && full && whole && ends && STACKS.free() == 4) {
                return None;
            }
        }
        Some(())
    });
    let passed = passed.ok().flatten().is_some();
    figure("bytes of the pool", size_of_val(&STACKS));
    figure("bytes of RAM that were never written", sizes::untouched());
    u64::from(!passed)
}
