//! A handle to the parent may be captured.

use greenlet::{StackPool, Tree};

static STACKS: StackPool<2, 65536> = StackPool::new();
static TREE: Tree<u32> = Tree::new();

fn main() {
    let _ended = TREE.enter(|main| {
        let handle = main.spawn(&STACKS, |me, x| {
            let handle = me.handle();
            let child = me.spawn(&STACKS, move |_child, x| handle.switch(x));
            child.unwrap().switch(x)
        });
        assert_eq!(handle.unwrap().switch(1), Ok(1));
    });
}
