//! A body cannot return a borrow of itself: values are 'static.

use greenlet::{Me, StackPool, Tree};
use std::num::NonZero;

static STACKS: StackPool<2, 65536> = StackPool::new();

struct Value(Option<&'static Me<Value, NonZero<u8>>>);
static TREE: Tree<Value, NonZero<u8>> = Tree::with_exit(|| Value(None));

fn main() {
    let _ended = TREE.enter(|main| {
        let handle = main.spawn(&STACKS, |me, _| Ok(Value(Some(me)))).unwrap();
        assert!(handle.switch(Value(None)).is_ok_and(|value| value.0.is_some()));
    });
}
