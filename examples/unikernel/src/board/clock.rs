//! The clock, and the sleep of the core until an interrupt.

use super::machine;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use greenlet_hub::{Platform, sleep_if};

/// The clock of the machine, for the hub.
pub(crate) struct Clock {
    /// Ticks that the core has slept.
    slept: AtomicU64,
    /// When it began to sleep; 0 while it is awake.
    asleep_since: AtomicU64,
}

pub(crate) static CLOCK: Clock = Clock { slept: AtomicU64::new(0), asleep_since: AtomicU64::new(0) };

impl Clock {
    /// Returns the microseconds since the machine was started.
    pub(crate) fn microseconds(&self) -> u64 {
        self.in_microseconds(self.now())
    }

    /// Returns the microseconds that the core did not sleep.
    pub(crate) fn awake(&self) -> u64 {
        self.in_microseconds(self.now() - self.slept.load(Relaxed))
    }

    /// Ends a sleep. Called first in handlers, whose own time is no sleep, and after a sleep that no handler ended.
    pub(super) fn wakes(&self) {
        match self.asleep_since.swap(0, Relaxed) {
            0 => {}
            since => _ = self.slept.fetch_add(self.now() - since, Relaxed),
        }
    }

    fn in_microseconds(&self, ticks: u64) -> u64 {
        let hertz = u64::from(self.hertz());
        ticks / hertz * 1_000_000 + ticks % hertz * 1_000_000 / hertz
    }
}

impl Platform for Clock {
    fn now(&self) -> u64 {
        machine::ticks()
    }

    fn hertz(&self) -> u32 {
        machine::hertz()
    }

    fn arm(&self, at: Option<u64>) {
        machine::arm(at);
    }

    fn idle(&self, sleep: &mut dyn FnMut() -> bool) {
        sleep_if(|| {
            let sleeps = sleep();
            if sleeps {
                self.asleep_since.store(self.now(), Relaxed);
            }
            sleeps
        });
        self.wakes();
    }
}
