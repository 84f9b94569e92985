#![no_std]
#![no_main]
//! Stacks in a memory region of their own, which is not zeroed: greenlets start in whatever the memory holds.

use board::{check, println};
use core::ptr;
use greenlet::{Thrown, Tree, stack_pool};

board::guest!(main);

type Me = greenlet::Me<usize, &'static str>;

const COUNT: usize = 4;
const SIZE: usize = 16384;

stack_pool! { static STACKS: StackPool<COUNT, SIZE>; }
stack_pool! { static SHARED: SharedStackPool<COUNT, SIZE>; }
static ORDINARY: greenlet::StackPool<1, SIZE> = greenlet::StackPool::new();
static TREE: Tree<usize> = Tree::new();

unsafe extern "C" {
    /// First byte of the region's part that greenlet.x fills.
    static mut _greenlet_stacks_start: u8;
    /// One past its last byte.
    static mut _greenlet_stacks_end: u8;
}

fn main() {
    let start = &raw mut _greenlet_stacks_start;
    let bytes = (&raw const _greenlet_stacks_end).addr() - start.addr();
    println!("{bytes} bytes of stacks");
    // SAFETY: no greenlet was ever created, so none of these stacks was used.
    unsafe { ptr::write_bytes(start, 0xa5, bytes) };
    for round in 1..=3 {
        let entered = TREE.enter(|main| {
            board::record(main);
            let apart = [(); COUNT].map(|()| main.spawn(&STACKS, tell_place).expect("a stack is free"));
            let shared = [(); COUNT].map(|()| main.spawn(&SHARED, tell_place).expect("a stack is free"));
            check!(main.bare(&STACKS).is_err() && main.bare(&SHARED).is_err());
            for greenlet in apart.iter().chain(&shared) {
                let place = greenlet.switch(0).expect("tells its place");
                check!((start.addr()..start.addr() + bytes).contains(&place), "{place:#x} is elsewhere");
                check!(greenlet.switch(7).is_ok());
            }
            let ordinary = main.spawn(&ORDINARY, tell_place).expect("a stack is free").switch(0);
            check!(!(start.addr()..start.addr() + bytes).contains(&ordinary.expect("tells its place")));
        });
        check!(entered.is_ok());
        check!((STACKS.free(), SHARED.free(), ORDINARY.free()) == (COUNT, COUNT, 1));
        println!("round {round}: {} greenlets lived there", 2 * COUNT);
    }
}

/// Where this greenlet's stack is, as the address of something on it.
fn tell_place(me: &Me, _: usize) -> Result<usize, Thrown<usize, &'static str>> {
    let local = 0u8;
    me.up((&raw const local).addr())
}
