//! `me` is for the body only: a cell for everybody is not to have it.

use greenlet::{Me, StackPool, Tree};
use std::cell::Cell;

static STACKS: StackPool<2, 65536> = StackPool::new();
static TREE: Tree<u32> = Tree::new();

thread_local!(static KEPT: Cell<Option<&'static Me<u32, &'static str>>> = const { Cell::new(None) });

fn main() {
    let _ended = TREE.enter(|main| {
        let handle = main.spawn(&STACKS, |me, x| {
            KEPT.set(Some(me));
            Ok(x)
        });
        handle.unwrap().switch(1).unwrap();
        drop(KEPT.take());
    });
}
