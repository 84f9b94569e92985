//@ exit: panic
#![no_std]
#![no_main]
//! A panic in a greenlet is reported with its message and the greenlet's name, and no other one continues.

use board::{check, println};
use greenlet::{StackPool, Tree};

board::guest!(main);

static STACKS: StackPool<1, 16384> = StackPool::new();
static TREE: Tree<u32> = Tree::new();

/// A panic halts the machine: it runs no destructor.
struct Witness;

impl Drop for Witness {
    fn drop(&mut self) {
        println!("a destructor ran");
    }
}

fn main() {
    check!(true, "a check that passes does not make up for a panic");
    let _unreached = TREE.enter(|main| {
        board::record(main);
        let _witness = Witness;
        let clumsy = main.build(&STACKS).name("clumsy").spawn(|_, x| {
            let _witness = Witness;
            println!("about to panic");
            let shelf = [1, 2, 3];
            assert!(shelf.contains(&x), "there is no {x} on the shelf");
            Ok(x)
        });
        let _unreached = clumsy.expect("a stack is free").switch(4);
    });
    println!("the panic was survived");
}
