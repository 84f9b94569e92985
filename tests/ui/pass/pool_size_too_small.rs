//! The least size of a pool. What a body needs beside is another question.

use greenlet::StackPool;

static STACKS: StackPool<2, 1024> = StackPool::new();

fn main() {
    assert_eq!(STACKS.count(), 2);
}
