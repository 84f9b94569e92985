//! One of a size that is.

greenlet::stack_pool! { static STACKS: StackPool<2, 4160>; }

fn main() {
    assert_eq!(STACKS.free(), 2);
}
