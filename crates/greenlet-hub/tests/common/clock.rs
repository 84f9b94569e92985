//! A clock that stands still until the hub sleeps, and jumps to the next alarm then. Of the thread, which is the core; under
//! Miri, where each task has a thread of its own, of the process.

use greenlet_hub::Platform;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

pub(crate) struct Clock;

/// The time, that of the alarm, and whether there is one.
struct Times(AtomicU64, AtomicU64, AtomicBool);

impl Times {
    const fn new() -> Self {
        Self(AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false))
    }
}

fn with<R>(use_it: impl FnOnce(&Times) -> R) -> R {
    if cfg!(miri) {
        static TIMES: Times = Times::new();
        return use_it(&TIMES);
    }
    thread_local! {
        static TIMES: Times = const { Times::new() };
    }
    TIMES.with(use_it)
}

#[allow(dead_code, reason = "each test file uses a part")]
impl Clock {
    pub(crate) fn reset() {
        with(|times| times.0.store(0, Relaxed));
    }

    pub(crate) fn pass(microseconds: u64) {
        with(|times| times.0.fetch_add(microseconds, Relaxed));
    }
}

impl Platform for Clock {
    fn now(&self) -> u64 {
        with(|times| times.0.load(Relaxed))
    }

    fn hertz(&self) -> u32 {
        1_000_000
    }

    fn arm(&self, at: Option<u64>) {
        with(|times| {
            times.1.store(at.unwrap_or(0), Relaxed);
            times.2.store(at.is_some(), Relaxed);
        });
    }

    fn idle(&self, sleep: &mut dyn FnMut() -> bool) {
        if sleep() {
            with(|times| {
                assert!(times.2.load(Relaxed), "a timer, or the hub sleeps for ever");
                times.0.fetch_max(times.1.load(Relaxed), Relaxed);
            });
        }
    }
}
