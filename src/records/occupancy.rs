//! Whether a tree can be entered.

use crate::records::errors::EnterError;
use crate::records::sync::atomic::AtomicU8;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// The state of a tree: free, entered by a core, or ended with handles to its main greenlet left.
#[doc(hidden)]
pub struct Occupancy(AtomicU8);

const FREE: u8 = 0;
const ENTERED: u8 = 1;
const REFERRED: u8 = 2;

impl Occupancy {
    pub(crate) const fn free() -> Self {
        Self(AtomicU8::new(FREE))
    }

    /// Takes a free tree. Acquire: what the last run wrote, on whatever core, is visible from here on.
    pub(crate) fn enter(&self) -> Result<(), EnterError> {
        match self.0.compare_exchange(FREE, ENTERED, Acquire, Relaxed) {
            Ok(_) => Ok(()),
            // It is another core: `enter` has taken this core's record before, so that this core runs no tree.
            Err(ENTERED) => Err(EnterError::OtherCore),
            Err(_) => Err(EnterError::StillReferred),
        }
    }

    /// Notes that the run has ended. The tree is not free before [`release`](Self::release).
    pub(crate) fn leave(&self) {
        self.0.store(REFERRED, Relaxed);
    }

    /// Frees the tree, when the last reference to its main greenlet is released. Release: pairs with the acquire in
    /// `enter`.
    pub(crate) fn release(&self) {
        self.0.store(FREE, Release);
    }
}
