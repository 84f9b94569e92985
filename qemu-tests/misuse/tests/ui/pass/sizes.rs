//! The least sizes and numbers that a pool can have. See `../README.md`.

fn main() {
    headroom_leaves_too_little::main();
    placed_pool_size_not_a_multiple_of_64::main();
    pool_size_not_a_multiple_of_64::main();
    pool_size_too_small::main();
    region_of_more_than_all_memory::main();
}

/// A pool that keeps as much as it may.
mod headroom_leaves_too_little {
    use greenlet::{StackPool, Tree};

    static STACKS: StackPool<2, 4096, 3072> = StackPool::new();
    static TREE: Tree<u32> = Tree::new();

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| main.bare(&STACKS).map(drop));
    }
}

/// A multiple of 64.
mod pool_size_not_a_multiple_of_64 {
    use greenlet::StackPool;

    static STACKS: StackPool<2, 4160> = StackPool::new();

    pub(crate) fn main() {
        assert_eq!(STACKS.count(), 2);
    }
}

/// The least size of a pool. What a body needs beside is another question.
mod pool_size_too_small {
    use greenlet::StackPool;

    static STACKS: StackPool<2, 1024> = StackPool::new();

    pub(crate) fn main() {
        assert_eq!(STACKS.count(), 2);
    }
}

/// Memory for as many stacks as there may be addresses.
mod region_of_more_than_all_memory {
    use greenlet::StackRegion;

    const BYTES: usize = StackRegion::<1024>::bytes(isize::MAX as usize / 1024);

    pub(crate) fn main() {
        assert!(BYTES > 1024);
    }
}

/// One of a size that is.
mod placed_pool_size_not_a_multiple_of_64 {
    greenlet::stack_pool! { static STACKS: StackPool<2, 4160>; }

    pub(crate) fn main() {
        assert_eq!(STACKS.free(), 2);
    }
}
