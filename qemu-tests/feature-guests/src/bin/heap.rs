#![no_std]
#![no_main]
//! Stacks from an allocator and in memory of the program's own, beside its boxes and vectors.

extern crate alloc;

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::mem::MaybeUninit;

use board::{check, println};
use feature_guests::heap;
use greenlet::{HeapStacks, SpawnError, StackRegion, Thrown, Tree};

board::guest!(main);
greenlet::core_identity!(feature_guests::OneCore);

type Main = greenlet::Main<usize, String>;
type Me = greenlet::Me<usize, String>;
type Greenlet = greenlet::Greenlet<usize, String>;

const SIZE: usize = 16384;
static STACKS: HeapStacks<SIZE> = HeapStacks::new();
static SMALL: HeapStacks<8192> = HeapStacks::new();
static TREE: Tree<usize, String> = Tree::new();

fn main() {
    let entered = TREE.enter(without_memory);
    check!(entered.is_ok());
    heap::give();
    for part in [until_there_is_no_more, beside_boxes, errors, region] {
        let entered = TREE.enter(part);
        check!(entered.is_ok());
        check!(STACKS.free() == STACKS.allocated() && SMALL.free() == SMALL.allocated());
    }
    println!("{} and {} stacks were allocated, and are stacks for ever", STACKS.allocated(), SMALL.allocated());
    check!(heap::used() >= STACKS.allocated() * SIZE + SMALL.allocated() * 8192);
}

/// Counts up from what it is sent first, and has a vector on the heap the while.
fn count(me: &Me, from: usize) -> Result<usize, Thrown<usize, String>> {
    let mut seen = Vec::new();
    for number in from.. {
        seen.push(number);
        if me.up(number)? == 0 {
            break;
        }
    }
    Ok(seen.len())
}

fn without_memory(main: &Main) {
    println!("an allocator without memory: the greenlet is refused, and its body comes back");
    let captured = [1, 2, 3];
    let Err(refused) = main.spawn(&STACKS, move |_, x| Ok(x + captured.len())) else { unreachable!("of what?") };
    println!("  {refused}");
    check!(refused.reason == SpawnError::NoMemory { bytes: SIZE });
    check!(core::mem::size_of_val(&refused.returned) == core::mem::size_of_val(&captured));
}

fn until_there_is_no_more(main: &Main) {
    println!("as many as there is memory for, and once more as many");
    let mut most = 0;
    for round in 0..3 {
        let all: Vec<Greenlet> = core::iter::from_fn(|| main.spawn(&STACKS, count).ok()).take(14).collect();
        check!(all.iter().enumerate().all(|(n, g)| g.switch(n) == Ok(n)));
        check!(round == 0 || all.len() == most, "{} stacks, {most} before", all.len());
        most = all.len();
        check!(STACKS.allocated() == most && STACKS.free() == 0);
    }
    println!("  {most}");
}

fn beside_boxes(main: &Main) {
    println!("a greenlet has its own boxes, and drops them when it is killed");
    let used = heap::used();
    let counter = main.spawn(&STACKS, count).expect("a stack is free");
    check!((10..200).all(|n| counter.switch(if n == 10 { n } else { 1 }) == Ok(n)));
    check!(heap::used() > used);
    drop(counter);
    check!(heap::used() == used, "{} bytes, {used} before", heap::used());
}

fn errors(main: &Main) {
    println!("an error on the heap goes from stack to stack");
    let fails = main.spawn(&STACKS, |_, x| Err(Thrown::Error(x.to_string() + " is too much")));
    let error = fails.expect("a stack is free").switch(7);
    check!(error == Err(Thrown::Error(String::from("7 is too much"))), "{error:?}");
}

fn region(main: &Main) {
    println!("memory of a vector's, carved into stacks for ever");
    let memory: Box<[MaybeUninit<u8>]> = vec![MaybeUninit::uninit(); 20_000].into_boxed_slice();
    let region = StackRegion::<8192>::carve(Box::leak(memory)).expect("there is room for two");
    let both = [main.spawn(region, count).expect("one"), main.spawn(region, count).expect("and another")];
    check!(main.bare(region).is_err());
    check!(both.iter().all(|g| g.switch(5) == Ok(5) && g.switch(1) == Ok(6)));
    drop(both);
    check!((region.count(), region.free()) == (2, 2));
    let refused = StackRegion::<8192>::carve(Box::leak(vec![0_u8; 100].into_boxed_slice())).expect_err("too small");
    check!(refused.reason.bytes == 100 && refused.returned.len() == 100);
    let other = main.spawn(&SMALL, count).expect("a stack of another size");
    check!(other.switch(3) == Ok(3));
}
