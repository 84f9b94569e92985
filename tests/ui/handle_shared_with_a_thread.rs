//! Nor is a borrow of a handle of any use to another thread.

use greenlet::{StackPool, Tree};

static STACKS: StackPool<2, 65536> = StackPool::new();
static TREE: Tree<u32> = Tree::new();

fn main() {
    let _ended = TREE.enter(|main| {
        let handle = main.spawn(&STACKS, |_me, x| Ok(x)).unwrap();
        std::thread::scope(|scope| scope.spawn(|| handle.is_dead()).join().unwrap());
    });
}
