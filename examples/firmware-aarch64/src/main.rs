//! A firmware with greenlets for QEMU's `virt` machine, with one core: `cargo run` boots it. It prints, and ends.

#![no_std]
#![no_main]

mod board;

use board::println;
use greenlet::Tree;

greenlet::stack_pool! {
    /// Two stacks of 8 KiB, where `firmware.x` puts them.
    static STACKS: StackPool<2, 8192>;
}

static TREE: Tree<u32> = Tree::new();

/// Called by the start-up code in `board.rs`, with memory and floating point set up.
fn main() {
    TREE.enter(|main| {
        let sum = main.spawn(&STACKS, |me, count| {
            // A child, which hands the squares of what it receives to its parent.
            let squares = me.spawn(&STACKS, |me, mut n| {
                loop {
                    n = me.up(n * n)?;
                }
            });
            let squares = squares.unwrap();
            let mut sum = 0;
            for n in 1..=count {
                sum += squares.switch(n)?;
            }
            Ok(sum)
        });
        println!("1 + 4 + 9 + 16 = {:?}", sum.unwrap().switch(4));
    })
    .unwrap();
    println!("the tree has ended");
}
