//! A body that is suspended when main is over could use it.

use greenlet::{StackPool, Tree};

static STACKS: StackPool<2, 65536> = StackPool::new();
static TREE: Tree<u32> = Tree::new();

fn main() {
    let _ended = TREE.enter(|main| {
        let handle = main.spawn(&STACKS, move |_me, x| main.switch(x));
        assert_eq!(handle.unwrap().switch(1), Ok(1));
    });
}
