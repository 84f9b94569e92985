//! What the server counts.

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use unikernel::http::Status;

/// A counter. It wraps.
pub(crate) struct Counter(AtomicU32);

impl Counter {
    const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    pub(crate) fn add_one(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    pub(crate) fn get(&self) -> u32 {
        self.0.load(Relaxed)
    }
}

/// Connections that were accepted.
pub(crate) static CONNECTIONS: Counter = Counter::new();
/// Requests that were answered, refused ones included.
pub(crate) static REQUESTS: Counter = Counter::new();
/// Connections that got no stack, and so a response 503.
pub(crate) static BUSY: Counter = Counter::new();
/// Requests that were answered with another status than 200.
pub(crate) static REFUSED: Counter = Counter::new();
/// Connections that sent or read nothing for too long.
pub(crate) static TIMEOUTS: Counter = Counter::new();
/// Connections that the other side has reset.
pub(crate) static RESETS: Counter = Counter::new();

/// Requests in the last second.
static RATE: AtomicU32 = AtomicU32::new(0);
static AT_LAST_TICK: AtomicU32 = AtomicU32::new(0);

/// Counts a response.
pub(crate) fn responded(status: Status) {
    REQUESTS.add_one();
    if status != Status::Ok {
        REFUSED.add_one();
    }
}

/// Computes the rate, at the end of so many seconds.
pub(crate) fn end_of_interval(seconds: u64) {
    let requests = REQUESTS.get();
    let since = requests.wrapping_sub(AT_LAST_TICK.swap(requests, Relaxed));
    RATE.store((u64::from(since) / seconds) as u32, Relaxed);
}

/// Returns the requests in the last second.
pub(crate) fn rate() -> u32 {
    RATE.load(Relaxed)
}
