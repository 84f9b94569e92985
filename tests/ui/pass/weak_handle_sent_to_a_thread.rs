//! A weak handle may be kept, and moved about, on its core.

use greenlet::{StackPool, Tree};

static STACKS: StackPool<2, 65536> = StackPool::new();
static TREE: Tree<u32> = Tree::new();

fn main() {
    let _ended = TREE.enter(|main| {
        let weak = main.spawn(&STACKS, |_me, x| Ok(x)).unwrap().downgrade();
        let freed = move || weak.upgrade().is_none();
        assert!(freed());
    });
}
