//@ exit: panic
#![no_std]
#![no_main]
//! After a panic the recorder still has the transfers before it.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use board::println;
use greenlet::{Recorder, StackPool, Tree};

board::guest!(main);
greenlet::core_identity!(feature_guests::OneCore);

static STACKS: StackPool<1, 32768> = StackPool::new();
static TREE: Tree<u32> = Tree::new();
static RECORDER: Recorder<4> = Recorder::new(ticks);

fn ticks() -> u64 {
    static TICKS: AtomicU64 = AtomicU64::new(0);
    TICKS.fetch_add(1, Relaxed)
}

/// What the board prints below the panic.
fn remember() {
    println!("the last transfers before:");
    if let Err(busy) = RECORDER.for_each(|record| println!("  {record}")) {
        println!("  {busy}");
    }
}

fn main() {
    board::on_panic(remember);
    let _unreached = TREE.enter(|main| {
        main.set_trace(Some(&RECORDER));
        let divider = main.build(&STACKS).name("divider").spawn(|me, mut divisor| {
            loop {
                divisor = me.up(100 / divisor)?;
            }
        });
        let divider = divider.expect("a stack is free");
        for divisor in (0..3).rev() {
            println!("100 / {divisor} = {:?}", divider.switch(divisor));
        }
    });
    println!("the panic was survived");
}
