//! Sizes and numbers that no pool can have. See `README.md`.

fn main() {
    headroom_leaves_too_little::main();
    placed_pool_size_not_a_multiple_of_64::main();
    pool_size_not_a_multiple_of_64::main();
    pool_size_too_small::main();
    region_of_more_than_all_memory::main();
}

/// What is kept for interrupts is not for the control block and the body.
mod headroom_leaves_too_little {
    use greenlet::{StackPool, Tree};

    static STACKS: StackPool<2, 4096, 3136> = StackPool::new();
    static TREE: Tree<u32> = Tree::new();

    pub(crate) fn main() {
        let _ended = TREE.enter(|main| main.bare(&STACKS).map(drop));
    }
}

/// Control blocks stand on cache lines.
mod pool_size_not_a_multiple_of_64 {
    use greenlet::StackPool;

    static STACKS: StackPool<2, 4100> = StackPool::new();

    pub(crate) fn main() {
        assert_eq!(STACKS.count(), 2);
    }
}

/// A control block, and nothing beside it, is not a stack.
mod pool_size_too_small {
    use greenlet::StackPool;

    static STACKS: StackPool<2, 960> = StackPool::new();

    pub(crate) fn main() {
        assert_eq!(STACKS.count(), 2);
    }
}

/// Memory for a number of stacks is reckoned when the program is built, and does not wrap.
mod region_of_more_than_all_memory {
    use greenlet::StackRegion;

    const BYTES: usize = StackRegion::<1024>::bytes(usize::MAX / 1024 + 2);

    pub(crate) fn main() {
        assert!(BYTES > 1024);
    }
}

/// A pool whose stacks lie apart is checked as any other.
mod placed_pool_size_not_a_multiple_of_64 {
    greenlet::stack_pool! { static STACKS: StackPool<2, 4200>; }

    pub(crate) fn main() {
        assert_eq!(STACKS.free(), 2);
    }
}
