//! The platform of hosted programs: the thread is the core.

use crate::platform::Platform;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// A platform for hosted programs: the clock of `std`, and a sleep that parks the thread. A tick is a nanosecond.
///
/// One static per hub. Only with the feature `std`.
///
/// ```
/// use core::time::Duration;
/// use greenlet_hub::{Hub, Threads};
/// static PLATFORM: Threads = Threads::new();
/// static HUB: Hub<4> = Hub::new(&PLATFORM);
/// HUB.run(|main| main.sleep(Duration::from_millis(1))).unwrap().unwrap();
/// ```
#[derive(Debug)]
pub struct Threads {
    /// The thread that sleeps or slept last.
    thread: Mutex<Option<Thread>>,
    alarm: AtomicU64,
}

const NEVER: u64 = u64::MAX;

impl Threads {
    /// Creates a platform.
    ///
    /// ```
    /// static PLATFORM: greenlet_hub::Threads = greenlet_hub::Threads::new();
    /// # use greenlet_hub::Platform;
    /// assert_eq!(PLATFORM.hertz(), 1_000_000_000);
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { thread: Mutex::new(None), alarm: AtomicU64::new(NEVER) }
    }
}

impl Default for Threads {
    fn default() -> Self {
        Self::new()
    }
}

impl Platform for Threads {
    fn now(&self) -> u64 {
        static START: OnceLock<Instant> = OnceLock::new();
        u64::try_from(START.get_or_init(Instant::now).elapsed().as_nanos()).unwrap_or(NEVER - 1)
    }

    fn hertz(&self) -> u32 {
        1_000_000_000
    }

    fn arm(&self, at: Option<u64>) {
        self.alarm.store(at.unwrap_or(NEVER), Relaxed);
    }

    fn kick(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = &*thread {
            thread.unpark();
        }
    }

    fn idle(&self, sleep: &mut dyn FnMut() -> bool) {
        // Stored before `sleep` is called: a wake after that finds the thread here, and its `unpark` ends the `park`.
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread::current());
        if !sleep() {
            return;
        }
        match self.alarm.load(Relaxed) {
            NEVER => thread::park(),
            at => thread::park_timeout(Duration::from_nanos(at.saturating_sub(self.now()))),
        }
    }
}
