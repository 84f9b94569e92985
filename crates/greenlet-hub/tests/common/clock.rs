//! A clock that stands still until the hub sleeps, and jumps to the next alarm then. Of the thread, which is the core.

use greenlet_hub::Platform;
use std::cell::Cell;

pub(crate) struct Clock;

thread_local! {
    static NOW: Cell<u64> = const { Cell::new(0) };
    static ALARM: Cell<Option<u64>> = const { Cell::new(None) };
}

#[allow(dead_code, reason = "each test file uses a part")]
impl Clock {
    pub(crate) fn reset() {
        NOW.set(0);
    }

    pub(crate) fn pass(microseconds: u64) {
        NOW.set(NOW.get() + microseconds);
    }
}

impl Platform for Clock {
    fn now(&self) -> u64 {
        NOW.get()
    }

    fn hertz(&self) -> u32 {
        1_000_000
    }

    fn arm(&self, at: Option<u64>) {
        ALARM.set(at);
    }

    fn idle(&self, sleep: &mut dyn FnMut() -> bool) {
        if sleep() {
            let alarm = ALARM.get().expect("a timer, or the hub sleeps for ever");
            NOW.set(NOW.get().max(alarm));
        }
    }
}
