//@ not-a-test
//@ debug-info
#![no_std]
#![no_main]
//! Hangs on purpose, in a greenlet that never switches: `cargo run -- aarch64 stuck --census --timeout 3` lists all.

use board::println;
use core::hint::spin_loop;
use greenlet::{StackPool, Tree};

board::guest!(main);

static STACKS: StackPool<2, 8192> = StackPool::new();
static TREE: Tree<u32> = Tree::new();

/// Does not return.
#[inline(never)]
fn poll() -> ! {
    loop {
        spin_loop();
    }
}

fn main() {
    println!("polls for what never comes");
    let _unreached = TREE.enter(|main| {
        let patient = main.build(&STACKS).name("patient").spawn(|me, x| me.up(x)).expect("a stack is free");
        let _waits = patient.switch(1);
        let poller = main.build(&STACKS).name("poller").spawn(|_, _| poll()).expect("a stack is free");
        let _unreached = poller.switch(2);
    });
}
