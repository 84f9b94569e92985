//! Main belongs to the thread that entered the tree.

use greenlet::{StackPool, Tree};

static STACKS: StackPool<2, 65536> = StackPool::new();
static TREE: Tree<u32> = Tree::new();

fn main() {
    let _ended = TREE.enter(|main| {
        std::thread::scope(|scope| scope.spawn(|| main.switch(1)).join().unwrap().unwrap());
    });
}
