#![no_std]
#![no_main]
//! `throw`, with values of 64 bytes.

use greenlet::{StackPool, Thrown, Tree};

sizes::program!(main);

type Line = [u64; 8];

static STACKS: StackPool<1, 2048> = StackPool::new();
static TREE: Tree<Line> = Tree::new();

fn main(seed: u64) -> u64 {
    let sum = TREE.enter(|main| {
        let squares = main.spawn(&STACKS, |me, mut n: Line| {
            loop {
                n = match me.up(n.map(|n| n * n)) {
                    Err(Thrown::Error(_)) => [0, 0, 0, 0, 0, 0, 0, 1],
                    other => other?,
                }
            }
        });
        let Ok(squares) = squares else { return 0 };
        let line = |n: u64| [n, 0, 0, 0, 0, 0, 0, 0];
        let (Ok(first), Ok(second)) = (squares.switch(line(seed)), squares.switch(line(seed + 1))) else { return 0 };
        let Ok(third) = squares.throw("start over") else { return 0 };
        first[0] + second[0] + third[7]
    });
    sum.unwrap_or(0)
}
