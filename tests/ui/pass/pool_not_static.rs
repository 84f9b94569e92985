//! They lie in a static, which may be a function's own.

use greenlet::{StackPool, Tree};

static TREE: Tree<u32> = Tree::new();

fn main() {
    static STACKS: StackPool<2, 65536> = StackPool::new();
    let _ended = TREE.enter(|main| {
        let handle = main.spawn(&STACKS, |_me, x| Ok(x)).unwrap();
        assert_eq!(handle.switch(1), Ok(1));
    });
}
