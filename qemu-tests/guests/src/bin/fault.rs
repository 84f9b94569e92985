//@ exit: fault
//@ debug-info
#![no_std]
#![no_main]
//! A crash in a greenlet is reported as that crash, with the greenlet's name.

use board::println;
use core::hint::black_box;
use core::ptr;
use greenlet::{Main, StackPool, Tree};

board::guest!(main);

static STACKS: StackPool<2, 16384> = StackPool::new();
static TREE: Tree<usize> = Tree::new();

/// Nothing is mapped there on any machine, and all of them can form the address.
const NOWHERE: usize = 0x0000_0dea_dbee_f000;

fn main() {
    // By pointer, for a frame of its own: LLDB 14 does not name an inlined function that calls within a `let`.
    let _unreached = black_box::<fn(&'static Tree<usize>, _) -> _>(Tree::enter)(&TREE, |main: &Main<usize, _>| {
        // Another greenlet runs before, and is suspended when it happens.
        let bystander = main.build(&STACKS).name("bystander").spawn(|me, x| me.up(x)).expect("a stack is free");
        let crasher = main.build(&STACKS).name("crasher").spawn(|_, address| {
            let nowhere: *mut u64 = ptr::without_provenance_mut(black_box(address));
            println!("about to crash");
            // SAFETY: nothing is mapped there: the machine stops at this store. That is what this guest shows.
            unsafe { nowhere.write_volatile(1) };
            println!("the store went through");
            Ok(0)
        });
        let _suspended = bystander.switch(0);
        let _unreached = crasher.expect("a stack is free").switch(NOWHERE);
    });
    println!("the crash was survived");
}
