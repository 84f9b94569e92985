//! A borrow of a static, or of what was leaked, is a value.

use greenlet::{StackPool, Tree};

static STACKS: StackPool<2, 65536> = StackPool::new();
static TREE: Tree<&'static str> = Tree::new();

fn main() {
    let leaked = String::from("for ever").leak();
    let _ended = TREE.enter(|main| {
        let handle = main.spawn(&STACKS, |_me, x| Ok(x)).unwrap();
        handle.switch(leaked).unwrap();
    });
}
