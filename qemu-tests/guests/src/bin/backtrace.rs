//@ debug-info
#![no_std]
#![no_main]
//! Greenlets for a debugger to stop in: below a greenlet, below one that has not started, and below a dead one.

use board::{check, println};
use core::hint::black_box;
use greenlet::{Me, Outcome, StackPool, Tree};

board::guest!(main);

static STACKS: StackPool<8, 16384> = StackPool::new();
static TREE: Tree<u32> = Tree::new();

type Task = Me<u32, &'static str>;

/// Where the debugger stops.
#[inline(never)]
fn leaf(x: u32) -> u32 {
    black_box(x + 1)
}

#[inline(never)]
fn middle(me: &Task, x: u32) -> Outcome<u32, &'static str> {
    let y = me.up(leaf(x))?;
    Ok(leaf(y))
}

#[inline(never)]
fn outer(me: &Task, x: u32) -> Outcome<u32, &'static str> {
    let inner = me.spawn(&STACKS, middle).expect("a stack is free");
    let y = inner.switch(x)?;
    inner.switch(y)
}

fn main() {
    let ran = TREE.enter(|main| {
        println!("below a greenlet, at its start and after a switch");
        let of_a_greenlet = main.spawn(&STACKS, outer).expect("a stack is free");
        check!(of_a_greenlet.switch(1) == Ok(3));

        println!("below one that has not started");
        let unstarted = main.spawn(&STACKS, outer).expect("a stack is free");
        let child = main.build(&STACKS).parent(&unstarted).spawn(|_me, x| Ok(leaf(x))).expect("a stack is free");
        check!(child.switch(1) == Ok(4), "what it returns starts its parent");

        println!("below a dead one");
        let dead = main.spawn(&STACKS, |_me, x| Ok(x)).expect("a stack is free");
        let child = main.build(&STACKS).parent(&dead).spawn(|_me, x| Ok(leaf(x))).expect("a stack is free");
        check!(dead.switch(1) == Ok(1));
        check!(child.switch(1) == Ok(2));
    });
    check!(ran.is_ok());
}
