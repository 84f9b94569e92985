//! `me` would outlive the body in a cell that the body shares with others.

use greenlet::{StackPool, Tree};
use std::cell::Cell;
use std::rc::Rc;

static STACKS: StackPool<2, 65536> = StackPool::new();
static TREE: Tree<u32> = Tree::new();

fn main() {
    let _ended = TREE.enter(|main| {
        let kept = Rc::new(Cell::new(None));
        let outer = kept.clone();
        let handle = main.spawn(&STACKS, move |me, x| {
            kept.set(Some(me));
            Ok(x)
        });
        handle.unwrap().switch(1).unwrap();
        drop(outer.take());
    });
}
