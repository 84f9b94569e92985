//! What is in one may go.

use greenlet::ContextPool;

static CONTEXTS: ContextPool<u32, 2> = ContextPool::new();

fn main() {
    let context = CONTEXTS.create(7).unwrap();
    let seven = *context;
    std::thread::spawn(move || seven).join().unwrap();
}
