//@ exit: fault
#![no_std]
#![no_main]
//! A crash in the main greenlet, by a jump to where no code is.

use board::println;
use core::hint::black_box;
use core::ptr;
use greenlet::{StackPool, Tree};

board::guest!(main);

static STACKS: StackPool<1, 16384> = StackPool::new();
static TREE: Tree<usize> = Tree::new();

/// Nothing is mapped there on any machine, and all of them can form the address.
const NOWHERE: usize = 0x0000_0dea_dbee_f000;

fn main() {
    let _unreached = TREE.enter(|main| {
        // Another greenlet runs before, and is suspended when it happens.
        let bystander = main.build(&STACKS).name("bystander").spawn(|me, x| me.up(x)).expect("a stack is free");
        let _suspended = bystander.switch(0);
        println!("about to crash");
        let nowhere: *const () = ptr::without_provenance(black_box(NOWHERE));
        // SAFETY: nothing is mapped there: the machine stops at this jump. That is what this guest shows.
        let nowhere: extern "C" fn() = unsafe { core::mem::transmute(nowhere) };
        nowhere();
    });
    println!("the crash was survived");
}
