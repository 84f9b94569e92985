//! Counts of the greenlets that keep stacks without running. Each is counted when it dies, is leaked or is abandoned,
//! so that a refused spawn can report the numbers without a search.

use crate::records::sync::{AtomicU32, Ordering};

/// How many greenlets with a stack of the pool are dead, leaked or abandoned.
#[doc(hidden)]
pub struct Tally {
    dead: AtomicU32,
    leaked: AtomicU32,
    abandoned: AtomicU32,
}

/// What has become of a greenlet that keeps its stack without running.
#[derive(Clone, Copy)]
pub(crate) enum Fate {
    /// Dead, but still referenced, in a tree that has not ended.
    Dead,
    /// Asked to exit, or lost while it could not be asked, and still alive.
    Leaked,
    /// Abandoned, together with its stack.
    Abandoned,
}

/// A change of a count: one greenlet more.
pub(crate) const MORE: u32 = 1;
/// A change of a count: one greenlet less, as a wrapping addition.
pub(crate) const LESS: u32 = u32::MAX;

impl Tally {
    pub(crate) const fn new() -> Self {
        Self { dead: AtomicU32::new(0), leaked: AtomicU32::new(0), abandoned: AtomicU32::new(0) }
    }

    fn of(&self, fate: Fate) -> &AtomicU32 {
        match fate {
            Fate::Dead => &self.dead,
            Fate::Leaked => &self.leaked,
            Fate::Abandoned => &self.abandoned,
        }
    }

    /// Changes a count by a load and a store. Called by the only core that counts in this pool.
    #[inline]
    pub(super) fn count_alone(&self, fate: Fate, change: u32) {
        let count = self.of(fate);
        count.store(count.load(Ordering::Relaxed).wrapping_add(change), Ordering::Relaxed);
    }

    /// Changes a count atomically. Called by any core.
    #[inline]
    pub(super) fn count(&self, fate: Fate, change: u32) {
        self.of(fate).fetch_add(change, Ordering::Relaxed);
    }

    /// The counts of [`Fate::Dead`], [`Fate::Leaked`] and [`Fate::Abandoned`], in this order.
    pub(crate) fn read(&self) -> [usize; 3] {
        [Fate::Dead, Fate::Leaked, Fate::Abandoned].map(|fate| self.of(fate).load(Ordering::Relaxed) as usize)
    }
}
