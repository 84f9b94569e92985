//! Contexts are counted without atomics and stay on their core.

use greenlet::ContextPool;

static CONTEXTS: ContextPool<u32, 2> = ContextPool::new();

fn main() {
    let context = CONTEXTS.create(7).unwrap();
    std::thread::spawn(move || *context).join().unwrap();
}
