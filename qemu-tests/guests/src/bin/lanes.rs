//@ not-a-test
//@ profiles: debug release small
#![no_std]
#![no_main]
//! Vectors that are live over a switch in code for SVE or AVX2, which the rest of the image is not compiled for: no
//! lane is lost.
//!
//! Needs a processor that has these, such as QEMU's `max`.

use board::{check, println};
use core::hint::black_box;
use greenlet::{StackPool, Tree};

#[cfg(target_arch = "aarch64")]
#[path = "lanes/aarch64.rs"]
mod isa;
#[cfg(target_arch = "x86_64")]
#[path = "lanes/x86_64.rs"]
mod isa;

board::guest!(main);

type Main = greenlet::Main<u64, &'static str>;

/// How often a transfer is made, and how many words are changed in between: enough for several of the widest vectors.
const TURNS: usize = 5;
const WORDS: usize = 200;
type Words = [u64; WORDS];

static STACKS: StackPool<2, 32768> = StackPool::new();
static TREE: Tree<u64> = Tree::new();

fn main() {
    for width in isa::WIDTHS {
        println!("# vectors of {width} bytes");
        let enabled = isa::enable(width);
        check!(enabled == Some(width), "this processor has no such vectors but {enabled:?}: boot with `-cpu max`");
        if enabled == Some(width) {
            check!(TREE.enter(both_ways).is_ok());
        }
    }
}

/// One side fills all vector registers and nothing else, while the other one has vectors in them, first main, then its
/// child.
fn both_ways(main: &Main) {
    let scribbles = main.spawn(&STACKS, |me, mut x| {
        loop {
            isa::scribble();
            x = me.up(x)?;
        }
    });
    let scribbles = scribbles.expect("a stack is free");
    check!(scribbles.switch(0).is_ok());
    let held = changed(|words, factors| isa::change(words, factors, || scribbles.switch(0).is_ok()));
    check!(held == expected(), "lanes are lost over a switch");

    let holds = main.spawn(&STACKS, |me, _| {
        let held = changed(|words, factors| isa::change(words, factors, || me.up(0).is_ok()));
        check!(held == expected(), "lanes are lost over `up`");
        Ok(1)
    });
    let holds = holds.expect("a stack is free");
    for _ in 0..TURNS {
        check!(holds.switch(0) == Ok(0));
        isa::scribble();
    }
    check!(holds.switch(0) == Ok(1));
}

/// The words after `change`, and whether all transfers in it went well.
fn changed(change: impl FnOnce(&mut [u64], &[u64; 4]) -> bool) -> (bool, Words) {
    let mut words = core::array::from_fn(|index| index as u64);
    let well = change(black_box(&mut words[..]), black_box(&FACTORS));
    (well, words)
}

/// What there is after so many turns without a transfer.
fn expected() -> (bool, Words) {
    changed(|words, factors| {
        (0..TURNS).for_each(|_| words.iter_mut().for_each(|word| turn(word, factors)));
        true
    })
}

const FACTORS: [u64; 4] = [3, 0x9e37_79b9_7f4a_7c15, 5, 0x0123_4567_89ab_cdef];

/// What is done to a word. The factors are the same in each turn: where it is done with vectors, these hold a factor in
/// each of their lanes, over everything that there is between two turns.
#[inline(always)]
fn turn(word: &mut u64, [a, b, c, d]: &[u64; 4]) {
    *word = (word.wrapping_mul(*a) ^ b).wrapping_add(*c) ^ d;
}

/// Changes the words turn by turn, with a transfer after each; whether all of these went well. Inlined into code that
/// may use vectors.
#[inline(always)]
fn turns(words: &mut [u64], factors: &[u64; 4], transfer: impl Fn() -> bool) -> bool {
    let mut well = true;
    for _ in 0..TURNS {
        words.iter_mut().for_each(|word| turn(word, factors));
        well &= transfer();
    }
    well
}
