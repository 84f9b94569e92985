//! A second `Me` could leave the body while the first one is used in it.

use greenlet::{StackPool, Tree};

static STACKS: StackPool<2, 65536> = StackPool::new();
static TREE: Tree<u32> = Tree::new();

fn copy<T: Clone>(of: &T) -> T {
    of.clone()
}

fn main() {
    let _ended = TREE.enter(|main| {
        let handle = main.spawn(&STACKS, |me, x| Ok(x + copy(me).id() as u32));
        handle.unwrap().switch(1).unwrap();
    });
}
