//! A weak handle can become a handle, and so it stays, too.

use greenlet::{StackPool, Tree};

static STACKS: StackPool<2, 65536> = StackPool::new();
static TREE: Tree<u32> = Tree::new();

fn main() {
    let _ended = TREE.enter(|main| {
        let weak = main.spawn(&STACKS, |_me, x| Ok(x)).unwrap().downgrade();
        std::thread::spawn(move || weak.upgrade().is_some());
    });
}
