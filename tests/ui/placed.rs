//! A size that no pool can have, of a pool whose stacks lie apart. See `README.md`.

fn main() {
    placed_pool_size_not_a_multiple_of_64::main();
}

/// A pool whose stacks lie apart is checked as any other.
mod placed_pool_size_not_a_multiple_of_64 {
    greenlet::stack_pool! { static STACKS: StackPool<2, 4100>; }

    pub(crate) fn main() {
        assert_eq!(STACKS.free(), 2);
    }
}
