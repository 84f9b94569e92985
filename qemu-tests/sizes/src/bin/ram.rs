#![no_std]
#![no_main]
//! Prints what a greenlet takes of RAM beside the stack that it works on, and a pool beside its stacks.

use greenlet::{Greenlet, Guarded, GuardedStackPool, Placed, SharedStackPool, StackPool, StackRegion, Tree};
use sizes::figure;

sizes::program!(main);

/// Stacks of a pool that is looked at, and their size.
const COUNT: usize = 64;
const SIZE: usize = 4096;
const STACKS_OF: usize = COUNT * SIZE;

static STACKS: StackPool<1, 2048> = StackPool::new();
static WORDS: Tree<u64> = Tree::new();
static LINES: Tree<[u64; 8]> = Tree::new();

fn main(seed: u64) -> u64 {
    let ended = WORDS.enter(|main| {
        figure("control block", main.bare(&STACKS).ok().and_then(|bare| in_use(&bare)).unwrap_or(0));
        let waiting = main.spawn(&STACKS, |me, n| me.up(n)).ok();
        let waiting = waiting.filter(|waiting| waiting.switch(seed).is_ok());
        figure("waiting in up", waiting.as_ref().and_then(in_use).unwrap_or(0));
    });
    let ended_too = LINES.enter(|main| {
        let waiting = main.spawn(&STACKS, |me, line| me.up(line)).ok();
        let waiting = waiting.filter(|waiting| waiting.switch([seed; 8]).is_ok());
        figure("waiting in up, values of 64 bytes", waiting.as_ref().and_then(in_use).unwrap_or(0));
    });
    figure("Tree<u64>", size_of::<Tree<u64>>());
    figure("StackPool of 64", StackPool::<COUNT, SIZE>::BYTES - STACKS_OF);
    figure("StackPool of 64, placed", StackPool::<COUNT, SIZE, 0, Placed>::BYTES - STACKS_OF);
    figure("SharedStackPool of 64", SharedStackPool::<COUNT, SIZE>::BYTES - STACKS_OF);
    figure("GuardedStackPool of 64, guards included", GuardedStackPool::<COUNT, SIZE>::BYTES - STACKS_OF);
    figure("GuardedStackPool of 64, placed", StackPool::<COUNT, SIZE, 0, Placed<Guarded>>::BYTES - STACKS_OF);
    figure("StackRegion of 64", StackRegion::<SIZE>::bytes(COUNT) - STACKS_OF);
    #[cfg(feature = "alloc")]
    figure("HeapStacks, however many", size_of::<greenlet::HeapStacks<SIZE>>());
    u64::from(ended.is_err() || ended_too.is_err())
}

/// Bytes from the base of its stack to where it stands.
fn in_use<V>(greenlet: &Greenlet<V, &'static str>) -> Option<usize> {
    greenlet.stack().map(|stack| stack.in_use())
}
