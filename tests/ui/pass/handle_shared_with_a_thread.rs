//! What was asked of a handle may be shared.

use greenlet::{StackPool, Tree};

static STACKS: StackPool<2, 65536> = StackPool::new();
static TREE: Tree<u32> = Tree::new();

fn main() {
    let _ended = TREE.enter(|main| {
        let handle = main.spawn(&STACKS, |_me, x| Ok(x)).unwrap();
        let dead = handle.is_dead();
        std::thread::scope(|scope| scope.spawn(|| !dead).join().unwrap());
    });
}
