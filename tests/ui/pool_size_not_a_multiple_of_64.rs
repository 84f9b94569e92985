//! Control blocks stand on cache lines.

use greenlet::StackPool;

static STACKS: StackPool<2, 4100> = StackPool::new();

fn main() {
    assert_eq!(STACKS.count(), 2);
}
