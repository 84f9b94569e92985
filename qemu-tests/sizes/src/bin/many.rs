#![no_std]
#![no_main]
//! `two`, with four bodies of four types, and eight places that switch to them.

use greenlet::{StackPool, Tree};

sizes::program!(main);

static STACKS: StackPool<4, 2048> = StackPool::new();
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
        let Ok(doubles) = main.spawn(&STACKS, |me, mut n| {
            loop {
                n = me.up(n * 2)?
            }
        }) else {
            return 0;
        };
        let Ok(nexts) = main.spawn(&STACKS, |me, mut n| {
            loop {
                n = me.up(n + 1)?
            }
        }) else {
            return 0;
        };
        let sums = main.spawn(&STACKS, |me, n| {
            let mut sum = n;
            loop {
                sum += me.up(sum)?;
            }
        });
        let Ok(sums) = sums else { return 0 };
        let (Ok(a), Ok(b), Ok(c), Ok(d)) =
            (squares.switch(seed), doubles.switch(seed), nexts.switch(seed), sums.switch(seed))
        else {
            return 0;
        };
        let (Ok(e), Ok(f), Ok(g), Ok(h)) =
            (squares.switch(seed + 1), doubles.switch(a), nexts.switch(b), sums.switch(c + d))
        else {
            return 0;
        };
        a + b + c + d + e + f + g + h
    });
    sum.unwrap_or(0)
}
