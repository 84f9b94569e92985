//! Bodies that a stack of their pool just holds. See `../README.md`.

fn main() {
    body_too_large_beside_headroom::main();
    body_too_large_for_its_claim::main();
    body_too_large_for_its_stack::main();
}

/// One that keeps nothing.
mod body_too_large_beside_headroom {
    use greenlet::{StackPool, Tree};

    static STACKS: StackPool<2, 65536, 0> = StackPool::new();
    static TREE: Tree<u32> = Tree::new();

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| {
            let captured = [1_u8; 16 * 1024];
            let handle = main.spawn(&STACKS, move |_me, x| Ok(u32::from(captured[x as usize]))).unwrap();
            assert_eq!(handle.switch(1), Ok(1));
        });
    }
}

/// One that fits.
mod body_too_large_for_its_claim {
    use greenlet::{StackPool, Tree};

    static STACKS: StackPool<2, 65536> = StackPool::new();
    static TREE: Tree<u32> = Tree::new();

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| {
            let captured = [1_u8; 8 * 1024];
            let handle = main.build(&STACKS).claim().unwrap().spawn(move |_me, x| Ok(u32::from(captured[x as usize])));
            assert_eq!(handle.switch(1), Ok(1));
        });
    }
}

/// One that fits.
mod body_too_large_for_its_stack {
    use greenlet::{StackPool, Tree};

    static STACKS: StackPool<2, 65536> = StackPool::new();
    static TREE: Tree<u32> = Tree::new();

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| {
            let captured = [1_u8; 8 * 1024];
            let handle = main.spawn(&STACKS, move |_me, x| Ok(u32::from(captured[x as usize]))).unwrap();
            assert_eq!(handle.switch(1), Ok(1));
        });
    }
}
