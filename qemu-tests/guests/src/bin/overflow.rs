#![no_std]
#![no_main]
//! A greenlet that has overflowed its stack does not switch away: main's stack carries the report, and no greenlet runs
//! again.

use board::{check, println};
use core::cell::Cell;
use core::hint::black_box;
use greenlet::{Overflow, StackPool, Tree};

board::guest!(main);

/// The lowest two are there to be overwritten.
static STACKS: StackPool<3, 8192> = StackPool::new();
static TREE: Tree<u32> = Tree::new().on_overflow(heard);

type Me = greenlet::Me<u32, &'static str>;

fn heard(overflow: &Overflow) -> ! {
    println!("heard of {}", overflow.greenlet);
    check!(overflow.greenlet.name == Some("deep") && !overflow.is_foreign_stack());
    check!((300..2300).contains(&overflow.past_limit()), "{} bytes past the limit", overflow.past_limit());
    check!(overflow.stack.size() == 8192);
    let here = 0_u8;
    let here = (&raw const here).addr();
    check!(board::guest_stack().contains(&here), "the hook runs at {here:#x}, which is not main's stack");
    // SAFETY: the machine has one core.
    let current = unsafe { greenlet::current_report() };
    check!(current == Some(overflow.greenlet));
    board::finish()
}

/// Calls itself until the stack pointer is 300 bytes below the limit of the stack, then switches.
#[inline(never)]
fn dig(me: &Me, x: u32) {
    let frame = Cell::new([0_u8; 64]);
    black_box(&frame);
    match me.stack() {
        Some(stack) if stack.sp + 300 < stack.limit => {
            println!("below the limit");
            let _unreached = me.up(x);
            println!("left the stack");
        }
        _ => dig(me, x),
    }
    black_box(&frame);
}

fn main() {
    let _unreached = TREE.enter(|main| {
        let _below = [(); 2].map(|()| main.bare(&STACKS));
        let deep = main.build(&STACKS).name("deep").spawn(|me, x| {
            println!("digging");
            dig(me, x);
            Ok(x)
        });
        let _unreached = deep.expect("a stack is free").switch(1);
        println!("main continued");
    });
}
