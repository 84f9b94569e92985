//! A constant is no place: every use of it would be another pool, gone at the end of the statement.

use greenlet::{StackPool, Tree};

const STACKS: StackPool<2, 65536> = StackPool::new();
static TREE: Tree<u32> = Tree::new();

fn main() {
    let _ended = TREE.enter(|main| {
        let handle = main.spawn(&STACKS, |_me, x| Ok(x)).unwrap();
        assert_eq!(handle.switch(1), Ok(1));
    });
}
