//! What is kept for interrupts is not for the control block and the body.

use greenlet::{StackPool, Tree};

static STACKS: StackPool<2, 4096, 3136> = StackPool::new();
static TREE: Tree<u32> = Tree::new();

fn main() {
    let _ended = TREE.enter(|main| main.bare(&STACKS).map(drop));
}
