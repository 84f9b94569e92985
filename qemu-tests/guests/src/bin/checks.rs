//@ exit: checks
#![no_std]
#![no_main]
//! A failed check fails the guest, which continues all the same and counts the others.

use board::{check, println};
use greenlet::{StackPool, Tree};

board::guest!(main);

static STACKS: StackPool<1, 16384> = StackPool::new();
static TREE: Tree<u32> = Tree::new();

fn main() {
    let entered = TREE.enter(|main| {
        let wrong = main.spawn(&STACKS, |me, x| {
            check!(x == 1);
            check!(x == 2, "x is {x}");
            println!("a failed check does not stop its greenlet");
            me.up(x)
        });
        check!(wrong.expect("a stack is free").switch(1) == Ok(1));
    });
    check!(entered.is_ok());
}
