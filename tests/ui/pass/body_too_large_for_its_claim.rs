//! One that fits.

use greenlet::{StackPool, Tree};

static STACKS: StackPool<2, 65536> = StackPool::new();
static TREE: Tree<u32> = Tree::new();

fn main() {
    let _ended = TREE.enter(|main| {
        let captured = [1_u8; 8 * 1024];
        let handle = main.build(&STACKS).claim().unwrap().spawn(move |_me, x| Ok(u32::from(captured[x as usize])));
        assert_eq!(handle.switch(1), Ok(1));
    });
}
