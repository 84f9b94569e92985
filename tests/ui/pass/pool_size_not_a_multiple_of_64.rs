//! A multiple of 64.

use greenlet::StackPool;

static STACKS: StackPool<2, 4160> = StackPool::new();

fn main() {
    assert_eq!(STACKS.count(), 2);
}
