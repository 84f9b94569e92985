#![no_std]
#![no_main]
//! `two`, with a tracer that remembers the last events.

use greenlet::{Recorder, StackPool, Tree};

sizes::program!(main);

static STACKS: StackPool<1, 2048> = StackPool::new();
static TREE: Tree<u64> = Tree::new();
static RECORDER: Recorder<8> = Recorder::new(|| 0);

fn main(seed: u64) -> u64 {
    let sum = TREE.enter(|main| {
        main.set_trace(Some(&RECORDER));
        let Ok(squares) = main.spawn(&STACKS, |me, mut n| {
            loop {
                n = me.up(n * n)?
            }
        }) else {
            return 0;
        };
        let (Ok(first), Ok(second)) = (squares.switch(seed), squares.switch(seed + 1)) else { return 0 };
        let mut events = 0;
        let Ok(()) = RECORDER.for_each(|_| events += 1) else { return 0 };
        first + second + events
    });
    sum.unwrap_or(0)
}
