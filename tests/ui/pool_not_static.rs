//! Stacks outlive the function that spawns.

use greenlet::{StackPool, Tree};

static TREE: Tree<u32> = Tree::new();

fn main() {
    let stacks = StackPool::<2, 65536>::new();
    let _ended = TREE.enter(|main| {
        let handle = main.spawn(&stacks, |_me, x| Ok(x)).unwrap();
        assert_eq!(handle.switch(1), Ok(1));
    });
}
