//@ stack: 3072
#![no_std]
#![no_main]
//! The interrupted code finds every register and the flags as they were, though the handler changes all that it may.

use core::array;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use board::{check, interrupts, println};
use greenlet::{StackPool, Tree};

#[cfg_attr(target_arch = "aarch64", path = "interrupted/aarch64.rs")]
#[cfg_attr(target_arch = "x86_64", path = "interrupted/x86_64.rs")]
mod isa;

board::guest!(main);
greenlet::core_identity!(feature_guests::OneCore);

static STACKS: StackPool<1, 32768> = StackPool::new();
static TREE: Tree<u64> = Tree::new();

static HANDLED: AtomicU32 = AtomicU32::new(0);

/// What the registers are to hold: no word is there twice, and none is zero.
fn patterns() -> isa::Words {
    array::from_fn(|index| (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// Has an interrupt come while the registers hold patterns.
fn interrupted(name: &str) {
    let loaded = patterns();
    let mut found = isa::NOTHING;
    // Masked until the registers are loaded, so that it comes then.
    interrupts::disable();
    interrupts::raise();
    let before = HANDLED.load(Relaxed);
    isa::while_loaded(&loaded, &mut found);
    check!(HANDLED.load(Relaxed) == before + 1, "the interrupt did not come while the registers were loaded");
    let lost = (0..loaded.len()).filter(|&index| loaded[index] != found[index]);
    let mut count = 0;
    for index in lost {
        println!("# word {index} was {:#018x}, is {:#018x}", loaded[index], found[index]);
        count += 1;
    }
    check!(count == 0, "{count} words of the registers of {name} are lost");
}

fn main() {
    interrupts::on(|| {
        HANDLED.fetch_add(1, Relaxed);
        println!("the handler changes every register");
        isa::scribble();
    });
    interrupted("no greenlet");
    let entered = TREE.enter(|main| {
        interrupted("main");
        let greenlet = main.build(&STACKS).name("worker").spawn(|_, x| {
            interrupted("worker");
            Ok(x)
        });
        check!(greenlet.expect("a stack is free").switch(1) == Ok(1));
    });
    check!(entered.is_ok());
}
