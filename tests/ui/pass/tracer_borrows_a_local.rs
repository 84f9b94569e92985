//! One that owns what it captures, and is leaked.

use greenlet::{Event, Greenlet, Tree};
use std::cell::Cell;

static TREE: Tree<u32> = Tree::new();

type Handle = Greenlet<u32, &'static str>;

fn main() {
    let _ended = TREE.enter(|main| {
        let count = Cell::new(0);
        let tracer = move |_: Event, _: &Handle, _: &Handle| {
            count.set(count.get() + 1);
            Ok(())
        };
        main.set_trace(Some(Box::leak(Box::new(tracer))));
        main.switch(1).unwrap();
    });
}
