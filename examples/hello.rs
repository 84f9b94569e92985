//! A greenlet that hands out words, one at each switch: `cargo run --example hello`.

use greenlet::{StackPool, Tree};

static STACKS: StackPool<1, 16384> = StackPool::new(); // one stack of 16 KiB
static TREE: Tree<Option<&'static str>> = Tree::new(); // what its greenlets send to each other

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

/// With the feature `cores`, and without `std`, a program declares how its cores are told apart.
#[cfg(all(feature = "cores", not(feature = "std")))]
#[path = "round_trip/one_core.rs"]
mod one_core;
