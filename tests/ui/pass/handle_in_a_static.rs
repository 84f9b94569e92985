//! A `thread_local!` is seen by one core.

use greenlet::Greenlet;
use std::cell::Cell;

thread_local!(static KEPT: Cell<Option<Greenlet<u32, &'static str>>> = const { Cell::new(None) });

fn main() {
    drop(KEPT.take());
}
