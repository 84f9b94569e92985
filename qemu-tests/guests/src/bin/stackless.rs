//@ not-a-test
//@ icount
#![no_std]
#![no_main]
//! What a round trip costs in instructions: of greenlets, of two tasks of Embassy, and of a future polled by hand.
//!
//! As the guest `count`, it prints what loops took, for the runner to make figures of. In each a number goes to the
//! other side and comes back as the next one.

use board::{check, instructions, println};
use core::hint::black_box;
use greenlet::{StackPool, Tree};
use stackless::{SameCore, Shared, with_future, with_tasks};

board::guest!(main);

/// In steps of one length, so the runner can compare two differences.
const TURNS: [u64; 3] = [16, 32, 48];

type Error = &'static str;

static TREE: Tree<u64, Error> = Tree::new();
static STACKS: StackPool<2, 4096> = StackPool::new();

fn main() {
    // As in most firmware: a critical section masks interrupts, and they are not masked before.
    board::interrupts::on(|| ());
    board::interrupts::enable();
    let mut sum = 0;
    // The loop, which is no part of a figure.
    count("empty", &mut |turns| {
        for _ in 0..turns {
            black_box(());
        }
        sum += turns;
        sum
    });
    check!(TREE.enter(greenlets).is_ok());
    with_tasks::<Shared, _>(|trips| count("embassy", trips));
    with_tasks::<SameCore, _>(|trips| count("embassy_same_core", trips));
    with_future(|trips| count("future", trips));
}

/// By handle there and back, and by handle there and by `up` back.
fn greenlets(main: &greenlet::Main<u64, Error>) {
    let by_handle = main.spawn(&STACKS, |me, mut value| {
        let parent = me.parent();
        loop {
            value = parent.switch(value + 1)?;
        }
    });
    let by_up = main.spawn(&STACKS, |me, mut value| {
        loop {
            value = me.up(value + 1)?;
        }
    });
    for (name, other) in [("by_handle", by_handle.ok()), ("by_up", by_up.ok())] {
        let other = other.expect("there are two stacks");
        let mut value = 0;
        count(name, &mut |turns| {
            for _ in 0..turns {
                value = other.switch(value).expect("the other one answers");
            }
            value
        });
    }
}

/// Prints what so many round trips took. `trips` makes them, and returns how many were answered in all.
fn count(name: &str, trips: &mut dyn FnMut(u64) -> u64) {
    // What the first use of a stack or a task does.
    let mut before = trips(TURNS[0]);
    for turns in TURNS {
        let (answered, took) = measured(turns, trips);
        check!(answered - before == turns, "{name}: {} of {turns} round trips were answered", answered - before);
        before = answered;
        println!("ran {name} whole {turns} {took}");
    }
}

/// What so many round trips took. One function for each of these calls: the compiler would unroll the loop around it.
#[inline(never)]
fn measured(turns: u64, trips: &mut dyn FnMut(u64) -> u64) -> (u64, u64) {
    let begun = instructions();
    let answered = trips(turns);
    (answered, instructions() - begun)
}
