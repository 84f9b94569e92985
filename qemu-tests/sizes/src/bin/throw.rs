#![no_std]
#![no_main]
//! `two`, and an error thrown into the other greenlet, which continues after it.

use greenlet::{StackPool, Thrown, Tree};

sizes::program!(main);

static STACKS: StackPool<1, 2048> = StackPool::new();
static TREE: Tree<u64> = Tree::new();

fn main(seed: u64) -> u64 {
    let sum = TREE.enter(|main| {
        let squares = main.spawn(&STACKS, |me, mut n| {
            loop {
                n = match me.up(n * n) {
                    Err(Thrown::Error(_)) => 1,
                    other => other?,
                }
            }
        });
        let Ok(squares) = squares else { return 0 };
        let (Ok(first), Ok(second)) = (squares.switch(seed), squares.switch(seed + 1)) else { return 0 };
        let Ok(third) = squares.throw("start over") else { return 0 };
        first + second + third
    });
    sum.unwrap_or(0)
}
