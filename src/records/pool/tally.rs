//! What becomes of stacks whose greenlets do not run: counted where it happens, so that a refused spawn need not look for them.

use crate::records::sync::{AtomicU32, Ordering};

/// Greenlets that have stacks of a pool and do not run.
#[doc(hidden)]
pub struct Tally {
    dead: AtomicU32,
    leaked: AtomicU32,
    abandoned: AtomicU32,
}

/// What has become of a greenlet.
#[derive(Clone, Copy)]
pub(crate) enum Lot {
    /// Dead and still referred to, in a tree that is entered.
    Dead,
    /// Asked to exit, and alive.
    Leaked,
    /// Given up, with its stack.
    Abandoned,
}

/// One greenlet more.
pub(crate) const MORE: u32 = 1;
/// One greenlet less.
pub(crate) const LESS: u32 = u32::MAX;

impl Tally {
    pub(crate) const fn new() -> Self {
        Self { dead: AtomicU32::new(0), leaked: AtomicU32::new(0), abandoned: AtomicU32::new(0) }
    }

    fn of(&self, lot: Lot) -> &AtomicU32 {
        match lot {
            Lot::Dead => &self.dead,
            Lot::Leaked => &self.leaked,
            Lot::Abandoned => &self.abandoned,
        }
    }

    /// Told by the only core that counts here: a plain load and store.
    #[inline]
    pub(super) fn count_alone(&self, lot: Lot, change: u32) {
        let count = self.of(lot);
        count.store(count.load(Ordering::Relaxed).wrapping_add(change), Ordering::Relaxed);
    }

    /// Told by any core.
    #[inline]
    pub(super) fn count(&self, lot: Lot, change: u32) {
        self.of(lot).fetch_add(change, Ordering::Relaxed);
    }

    /// How many there are of each lot.
    pub(crate) fn read(&self) -> [usize; 3] {
        [Lot::Dead, Lot::Leaked, Lot::Abandoned].map(|lot| self.of(lot).load(Ordering::Relaxed) as usize)
    }
}
