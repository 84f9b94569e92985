//! Greenlets for a debugger to look at, as docs/debugging.md does: `cargo build --example debugged`.
//!
//! An argument is a number of further greenlets. With the feature `std` two threads have a tree each.

use greenlet::{StackPool, Tree};
use std::hint::black_box;

type Main = greenlet::Main<u32, &'static str>;
type Me = greenlet::Me<u32, &'static str>;
type Outcome = greenlet::Outcome<u32, &'static str>;

static STACKS: StackPool<2048, 16384> = StackPool::new();
#[cfg(feature = "std")]
static MORE_STACKS: StackPool<1, 16384> = StackPool::new();

/// Reads some calls deep.
#[inline(never)]
fn read_byte(me: &Me, depth: u32) -> Outcome {
    let buffer = black_box([depth; 16]);
    if depth == 0 { me.up(buffer[3]) } else { Ok(read_byte(me, depth - 1)? + buffer[1]) }
}

fn parser(me: &Me, _: u32) -> Outcome {
    loop {
        read_byte(me, 3)?;
    }
}

/// Where a debugger stops, with all greenlets in place.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn look_here() {
    black_box(());
}

fn look(main: &Main, count: usize) {
    let parser = main.build(&STACKS).name("parser").spawn(parser).unwrap();
    let _waits = parser.switch(1);
    let waits = main.build(&STACKS).name("naïve").spawn(|me, x| me.parent().switch(x)).unwrap();
    let _waits = waits.switch(1);
    let unstarted = parser.build(&STACKS).name("unstarted").spawn(|_, x| Ok(x)).unwrap();
    let many: Vec<_> = (0..count).map(|_| main.spawn(&STACKS, |me, x| me.up(x)).unwrap()).collect();
    for one in &many {
        let _waits = one.switch(1);
    }
    let lexer = unstarted.build(&STACKS).name("lexer").spawn(|_, x| {
        look_here();
        Ok(x)
    });
    let _ended = lexer.unwrap().switch(2);
}

fn main() {
    let count = std::env::args().nth(1).map_or(0, |count| count.parse().expect("a number of greenlets"));
    #[cfg(feature = "std")]
    let (waits, waited) = std::sync::mpsc::channel();
    #[cfg(feature = "std")]
    let second = std::thread::spawn(move || {
        static TREE: Tree<u32> = Tree::new();
        let body = |main: &Main| {
            let elsewhere = main.build(&MORE_STACKS).name("elsewhere").spawn(|me, x| me.up(x)).unwrap();
            let _waits = elsewhere.switch(1);
            waits.send(()).unwrap();
            std::thread::park();
        };
        TREE.enter(body).unwrap();
    });
    #[cfg(feature = "std")]
    waited.recv().unwrap();
    static TREE: Tree<u32> = Tree::new();
    TREE.enter(|main| look(main, count)).unwrap();
    #[cfg(feature = "std")]
    {
        second.thread().unpark();
        second.join().unwrap();
    }
}

/// The core identity that a program declares with the feature `cores` and without `std`.
#[cfg(all(feature = "cores", not(feature = "std")))]
#[path = "round_trip/one_core.rs"]
mod one_core;
