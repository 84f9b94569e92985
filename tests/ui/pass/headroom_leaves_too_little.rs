//! A pool that keeps as much as it may.

use greenlet::{StackPool, Tree};

static STACKS: StackPool<2, 4096, 3072> = StackPool::new();
static TREE: Tree<u32> = Tree::new();

fn main() {
    let _ended = TREE.enter(|main| main.bare(&STACKS).map(drop));
}
