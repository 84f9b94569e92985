//! A handle to the same greenlet may be kept in one.

use greenlet::{Greenlet, StackPool, Tree};
use std::cell::Cell;

static STACKS: StackPool<2, 65536> = StackPool::new();
static TREE: Tree<u32> = Tree::new();

thread_local!(static KEPT: Cell<Option<Greenlet<u32, &'static str>>> = const { Cell::new(None) });

fn main() {
    let _ended = TREE.enter(|main| {
        let handle = main.spawn(&STACKS, |me, x| {
            KEPT.set(Some(me.handle()));
            Ok(x)
        });
        handle.unwrap().switch(1).unwrap();
        drop(KEPT.take());
    });
}
