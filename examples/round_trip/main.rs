//! Measures a round trip against a minimal stack switch: `cargo run --release --example round_trip`.
//!
//! Two greenlets send an integer forth and back. Two raw contexts do the same with a minimal switch in inline assembly,
//! which saves and loads four words, and has no tree, no current greenlet and no errors. Both run in this process, in
//! alternating rounds, and the program prints the ratio of their times, because absolute times depend on the machine
//! more than on the crate.

/// The core identity that a program declares with the feature `cores` and without `std`.
#[cfg(all(feature = "cores", not(feature = "std")))]
mod one_core;
mod raw;

use greenlet::{Greenlet, StackPool, Tree};
use std::hint::black_box;
use std::time::Instant;

/// The round trips of one measurement.
const TRIPS: usize = 50_000;
/// The number of measurements.
const ROUNDS: usize = 201;

static STACKS: StackPool<2, 16384> = StackPool::new();
static TREE: Tree<usize> = Tree::new();

fn main() {
    TREE.enter(|main| {
        let raw = raw::Pair::new();
        let back_by_handle = main
            .spawn(&STACKS, |me, mut x| {
                let main = me.parent();
                loop {
                    x = main.switch(x + 1)?;
                }
            })
            .unwrap();
        let back_by_up = main
            .spawn(&STACKS, |me, mut x| {
                loop {
                    x = me.up(x + 1)?;
                }
            })
            .unwrap();
        for (name, partner) in [("by handle, both ways", &back_by_handle), ("back by `up`", &back_by_up)] {
            let round = |_| {
                let bare = time(|| (0..TRIPS).fold(0, |x, _| raw.round_trip(black_box(x))));
                time(|| (0..TRIPS).fold(0, |x, _| round_trip(partner, black_box(x)))) / bare
            };
            report(name, &mut (0..ROUNDS).map(round).collect::<Vec<_>>());
        }
    })
    .unwrap();
}

#[inline(always)]
fn round_trip(partner: &Greenlet<usize, &'static str>, x: usize) -> usize {
    black_box(partner).switch(x).unwrap()
}

fn time(work: impl FnOnce() -> usize) -> f64 {
    let start = Instant::now();
    black_box(work());
    start.elapsed().as_nanos() as f64
}

fn report(name: &str, ratios: &mut [f64]) {
    ratios.sort_by(f64::total_cmp);
    let at = |quarter: usize| ratios[ratios.len() * quarter / 4];
    println!(
        "round trip {name}: {:.2} of a raw assembly switch (middle half of {ROUNDS} rounds: {:.2} to {:.2})",
        at(2),
        at(1),
        at(3),
    );
}
