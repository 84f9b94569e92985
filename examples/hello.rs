//! A greenlet as a generator, which returns one word per switch: `cargo run --example hello`.

use greenlet::{StackPool, Tree};

static STACKS: StackPool<1, 16384> = StackPool::new(); // one stack of 16 KiB
static TREE: Tree<Option<&'static str>> = Tree::new(); // its greenlets exchange values of type Option<&'static str>

fn main() {
    TREE.enter(|main| {
        let words = main.spawn(&STACKS, |me, _| {
            for word in "hello from a greenlet".split(' ') {
                me.up(Some(word))?; // suspended here until the next switch
            }
            Ok(None)
        });
        let words = words.unwrap();
        while let Ok(Some(word)) = words.switch(None) {
            println!("{word}");
        }
        println!("{words:?}");
    })
    .unwrap();
}

/// The core identity that a program declares with the feature `cores` and without `std`.
#[cfg(all(feature = "cores", not(feature = "std")))]
#[path = "round_trip/one_core.rs"]
mod one_core;
