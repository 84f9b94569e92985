//! Things that are counted while they exist, so that an audit can detect whether one was lost or
//! dropped twice.

use crate::atomic::{AtomicU32, Ordering::Relaxed};

/// How many there are of one kind of thing. Atomic because it is a static; one thread at a time
/// runs a scenario.
pub(super) struct Counter(AtomicU32);

/// One such thing: made by [`Counter::one`], and counted until it is dropped.
pub(super) struct One(&'static Counter);

impl Counter {
    pub(super) const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    pub(super) fn one(&'static self) -> One {
        self.0.fetch_add(1, Relaxed);
        One(self)
    }

    /// How many exist. What is dropped twice makes it wrap: a number that no count expects.
    pub(super) fn alive(&self) -> u32 {
        self.0.load(Relaxed)
    }
}

impl Drop for One {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Relaxed);
    }
}
