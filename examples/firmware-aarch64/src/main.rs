//! A firmware with greenlets for one core of QEMU's `virt` machine. `cargo run` boots it; it prints, and powers off.

#![no_std]
#![no_main]

mod board;

use board::println;
use greenlet::Tree;

greenlet::stack_pool! {
    /// Two stacks of 8 KiB, in the memory region that `firmware.x` names.
    static STACKS: StackPool<2, 8192>;
}

static TREE: Tree<u32> = Tree::new();

/// The start-up code in `board.rs` calls this, once memory and floating point are set up.
fn main() {
    TREE.enter(|main| {
        let sum = main.spawn(&STACKS, |me, count| {
            // A child that sends the square of each number back to its parent.
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
