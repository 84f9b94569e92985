//! A body owns what it captures.

use greenlet::{StackPool, Tree};

static STACKS: StackPool<2, 65536> = StackPool::new();
static TREE: Tree<u32> = Tree::new();

fn main() {
    let _ended = TREE.enter(|main| {
        let local = vec![1, 2, 3];
        let handle = main.spawn(&STACKS, move |_me, x| Ok(local[x as usize])).unwrap();
        assert_eq!(handle.switch(1), Ok(2));
    });
}
