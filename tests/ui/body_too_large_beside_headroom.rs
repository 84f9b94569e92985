//! A body has what the pool does not keep for interrupts.

use greenlet::{StackPool, Tree};

static STACKS: StackPool<2, 65536, 32768> = StackPool::new();
static TREE: Tree<u32> = Tree::new();

fn main() {
    let _ended = TREE.enter(|main| {
        let captured = [1_u8; 16 * 1024];
        let handle = main.spawn(&STACKS, move |_me, x| Ok(u32::from(captured[x as usize]))).unwrap();
        assert_eq!(handle.switch(1), Ok(1));
    });
}
