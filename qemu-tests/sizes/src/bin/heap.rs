#![no_std]
#![no_main]
//! `two`, with a stack from the allocator.

use greenlet::{HeapStacks, Tree};

sizes::program!(main);

static STACKS: HeapStacks<2048> = HeapStacks::new();
static TREE: Tree<u64> = Tree::new();

fn main(seed: u64) -> u64 {
    let sum = TREE.enter(|main| {
        let Ok(squares) = main.spawn(&STACKS, |me, mut n| {
            loop {
                n = me.up(n * n)?
            }
        }) else {
            return 0;
        };
        let (Ok(first), Ok(second)) = (squares.switch(seed), squares.switch(seed + 1)) else { return 0 };
        first + second
    });
    sum.unwrap_or(0)
}
