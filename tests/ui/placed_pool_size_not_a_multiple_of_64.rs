//! A pool whose stacks lie apart is checked as any other.

greenlet::stack_pool! { static STACKS: StackPool<2, 4100>; }

fn main() {
    assert_eq!(STACKS.free(), 2);
}
