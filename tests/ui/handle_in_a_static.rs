//! A static is seen by all cores; a handle is not to be.

use greenlet::Greenlet;
use std::sync::Mutex;

static KEPT: Mutex<Option<Greenlet<u32, &'static str>>> = Mutex::new(None);

fn main() {
    drop(KEPT.lock().unwrap().take());
}
