//! Bodies that no stack of their pool holds, found when generic code is instantiated. See `README.md`.

fn main() {
    body_too_large_beside_headroom::main();
    body_too_large_for_its_claim::main();
    body_too_large_for_its_stack::main();
}

/// A body has what the pool does not keep for interrupts.
mod body_too_large_beside_headroom {
    use greenlet::{StackPool, Tree};

    static STACKS: StackPool<2, 65536, 32768> = StackPool::new();
    static TREE: Tree<u32> = Tree::new();

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| {
            let captured = [1_u8; 16 * 1024];
            let handle = main.spawn(&STACKS, move |_me, x| Ok(u32::from(captured[x as usize]))).unwrap();
            assert_eq!(handle.switch(1), Ok(1));
        });
    }
}

/// A stack that was claimed is no larger than one that is spawned on.
mod body_too_large_for_its_claim {
    use greenlet::{StackPool, Tree};

    static STACKS: StackPool<2, 65536> = StackPool::new();
    static TREE: Tree<u32> = Tree::new();

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| {
            let captured = [1_u8; 32 * 1024];
            let handle = main.build(&STACKS).claim().unwrap().spawn(move |_me, x| Ok(u32::from(captured[x as usize])));
            assert_eq!(handle.switch(1), Ok(1));
        });
    }
}

/// A body moves onto its stack, and from there into the frame that runs it.
mod body_too_large_for_its_stack {
    use greenlet::{StackPool, Tree};

    static STACKS: StackPool<2, 65536> = StackPool::new();
    static TREE: Tree<u32> = Tree::new();

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| {
            let captured = [1_u8; 32 * 1024];
            let handle = main.spawn(&STACKS, move |_me, x| Ok(u32::from(captured[x as usize]))).unwrap();
            assert_eq!(handle.switch(1), Ok(1));
        });
    }
}
