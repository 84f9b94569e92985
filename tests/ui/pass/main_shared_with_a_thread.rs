//! What was asked of main may be shared.

use greenlet::{StackPool, Tree};

static STACKS: StackPool<2, 65536> = StackPool::new();
static TREE: Tree<u32> = Tree::new();

fn main() {
    let _ended = TREE.enter(|main| {
        let one = main.switch(1);
        std::thread::scope(|scope| scope.spawn(|| one).join().unwrap().unwrap());
    });
}
