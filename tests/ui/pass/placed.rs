//! A size that a pool whose stacks lie apart can have. See `../README.md`.

fn main() {
    placed_pool_size_not_a_multiple_of_64::main();
}

/// One of a size that is.
mod placed_pool_size_not_a_multiple_of_64 {
    greenlet::stack_pool! { static STACKS: StackPool<2, 4160>; }

    pub(crate) fn main() {
        assert_eq!(STACKS.free(), 2);
    }
}
