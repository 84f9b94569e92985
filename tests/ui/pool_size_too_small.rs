//! A control block, and nothing beside it, is not a stack.

use greenlet::StackPool;

static STACKS: StackPool<2, 960> = StackPool::new();

fn main() {
    assert_eq!(STACKS.count(), 2);
}
