//@ profiles: debug release small
//@ stack: 32768
#![no_std]
#![no_main]
//! 352 functions run past the end of a stack: how many of these overflows change which words of the canary band.
//!
//! The fast path of a switch compares two words of the band. This shows what it would notice by other words, or by one
//! alone: docs/stack-sizing.md has the table. What a function changed is put back, so that the greenlet may continue.

use board::{check, println};
use core::cell::UnsafeCell;
use greenlet::{StackPool, Tree};

#[path = "overflow_shapes/shapes.rs"]
mod shapes;
#[path = "overflow_shapes/trial.rs"]
mod trial;

use trial::Counts;

board::guest!(main);

static STACKS: StackPool<2, 32768> = StackPool::new();
static TREE: Tree<u32> = Tree::new();

/// Where a copy of the memory is kept.
struct Saved<const WORDS: usize>(UnsafeCell<[u64; WORDS]>);

// SAFETY: one function uses it, on one core.
unsafe impl<const WORDS: usize> Sync for Saved<WORDS> {}

impl<const WORDS: usize> Saved<WORDS> {
    const fn new() -> Self {
        Self(UnsafeCell::new([0; WORDS]))
    }
}

fn main() {
    let done = TREE.enter(|main| {
        let below = main.bare(&STACKS).expect("a stack is free");
        let stack = |of: &greenlet::Greenlet<u32, &'static str>| of.stack().map(|stack| stack.limit..stack.base);
        let other = main.spawn(&STACKS, |me, x| {
            let counts = trial::all(me.stack().map_or(0, |stack| stack.limit));
            println!("# {counts:?}");
            println!("# attempts: {} overflows", counts.overflows);
            check!(counts.overflows > 4000);
            let Counts { words, highest_two, ends, band, .. } = counts;
            check!(ends * 5 > band * 4, "the ends of the band notice less than four of five");
            check!(ends >= highest_two, "the two highest words notice more than the ends: compare these");
            // Unoptimized functions write nearly all of their frames.
            let one = words.into_iter().max().unwrap_or(0);
            check!(cfg!(debug_assertions) || one * 1000 < ends * 995, "one word notices as much: compare one");
            check!(me.is_intact());
            println!("352 functions went past the end");
            Ok(x)
        });
        let other = other.expect("a stack is free");
        check!(stack(&below).map(|below| below.end) == stack(&other).map(|other| other.start));
        other.switch(1)
    });
    check!(done.is_ok_and(|outcome| outcome == Ok(1)));
}
