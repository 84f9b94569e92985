//@ exit: fault
//@ profiles: debug release small
#![no_std]
#![no_main]
//! A greenlet that runs into the guard page below its stack is reported before it has overwritten anything.

use board::overrun::dig;
use board::println;
use core::ptr;
use greenlet::{GuardedStackPool, Tree};

board::guest!(main);

static STACKS: GuardedStackPool<3, 8192> = GuardedStackPool::new();
static TREE: Tree<u32> = Tree::new();

fn main() {
    for guard in STACKS.guards() {
        let word: *mut u64 = ptr::with_exposed_provenance_mut(guard.start);
        // SAFETY: memory of a static. Now the translation is cached, and must be invalidated.
        unsafe { word.write_volatile(0) };
        board::unmap(guard);
    }
    let _unreached = TREE.enter(|main| {
        // Other greenlets' stacks are below and above.
        let neighbours = [(); 2].map(|()| main.spawn(&STACKS, |me, x| me.up(x)).expect("a stack is free"));
        let parser = main.build(&STACKS).name("parser").spawn(|_, x| {
            println!("parser digs");
            Ok(dig(1_000_000 * x))
        });
        for neighbour in &neighbours {
            let _suspended = neighbour.switch(1);
        }
        let _unreached = parser.expect("a stack is free").switch(1);
        println!("main continues");
    });
}
