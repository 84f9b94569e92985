//! A static is one place, for ever.

use greenlet::{StackPool, Tree};

static STACKS: StackPool<2, 65536> = StackPool::new();
static TREE: Tree<u32> = Tree::new();

fn main() {
    let _ended = TREE.enter(|main| {
        let handle = main.spawn(&STACKS, |_me, x| Ok(x)).unwrap();
        assert_eq!(handle.switch(1), Ok(1));
    });
}
