//! There is no handle to greenlets whose errors borrow.

use greenlet::Greenlet;

struct Worker<'a> {
    _greenlet: Greenlet<u32, &'a str>,
}

fn main() {
    assert_eq!(size_of::<Worker>(), size_of::<usize>());
}
