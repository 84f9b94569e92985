//! There are handles to those whose errors do not.

use greenlet::Greenlet;

struct Worker {
    _greenlet: Greenlet<u32, &'static str>,
}

fn main() {
    assert_eq!(size_of::<Worker>(), size_of::<usize>());
}
