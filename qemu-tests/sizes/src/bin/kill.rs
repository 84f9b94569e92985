#![no_std]
#![no_main]
//! `throw`, and two greenlets that end early: one by a kill, the other because its handle is dropped.

use greenlet::{StackPool, Thrown, Tree};

sizes::program!(main);

static STACKS: StackPool<2, 2048> = StackPool::new();
static TREE: Tree<u64> = Tree::new();

fn main(seed: u64) -> u64 {
    let sum = TREE.enter(|main| {
        let squares = || {
            main.spawn(&STACKS, |me, mut n| {
                loop {
                    n = match me.up(n * n) {
                        Err(Thrown::Error(_)) => 1,
                        other => other?,
                    }
                }
            })
        };
        let (Ok(squares), Ok(dropped)) = (squares(), squares()) else { return 0 };
        let (Ok(first), Ok(second)) = (squares.switch(seed), dropped.switch(seed + 1)) else { return 0 };
        let Ok(third) = squares.throw("start over") else { return 0 };
        drop(dropped);
        let Ok(fourth) = squares.kill_with(seed + 6) else { return 0 };
        first + second + third + fourth + STACKS.free() as u64 + u64::from(squares.is_dead())
    });
    sum.unwrap_or(0)
}
