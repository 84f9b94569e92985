//! A tracer may be called until it is removed, whoever set it.

use greenlet::{Event, Greenlet, Tree};
use std::cell::Cell;

static TREE: Tree<u32> = Tree::new();

type Handle = Greenlet<u32, &'static str>;

fn main() {
    let _ended = TREE.enter(|main| {
        let count = Cell::new(0);
        let tracer = |_: Event, _: &Handle, _: &Handle| {
            count.set(count.get() + 1);
            Ok(())
        };
        main.set_trace(Some(&tracer));
        main.switch(1).unwrap();
    });
}
