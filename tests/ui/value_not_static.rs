//! Values outlive what they are sent from: they borrow from statics only.

use greenlet::{StackPool, Tree};

static STACKS: StackPool<2, 65536> = StackPool::new();
static TREE: Tree<&'static str> = Tree::new();

fn main() {
    let local = String::from("local");
    let _ended = TREE.enter(|main| {
        let handle = main.spawn(&STACKS, |_me, x| Ok(x)).unwrap();
        handle.switch(&local).unwrap();
    });
}
