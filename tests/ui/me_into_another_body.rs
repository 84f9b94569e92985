//! `me` switches as the greenlet that it is; another body is another greenlet.

use greenlet::{StackPool, Tree};

static STACKS: StackPool<2, 65536> = StackPool::new();
static TREE: Tree<u32> = Tree::new();

fn main() {
    let _ended = TREE.enter(|main| {
        let handle = main.spawn(&STACKS, |me, x| {
            let child = me.spawn(&STACKS, move |_child, x| me.up(x));
            child.unwrap().switch(x)
        });
        assert_eq!(handle.unwrap().switch(1), Ok(1));
    });
}
