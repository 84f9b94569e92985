//! Whether a tree can be entered.

use crate::records::errors::EnterError;
use core::sync::atomic::AtomicU8;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// A tree is free, or entered by a core, or its run is over and its main greenlet is still referred to.
#[doc(hidden)]
pub struct Occupancy(AtomicU8);

const FREE: u8 = 0;
const ENTERED: u8 = 1;
const REFERRED: u8 = 2;

impl Occupancy {
    pub(crate) const fn free() -> Self {
        Self(AtomicU8::new(FREE))
    }

    /// Takes a tree that is free. What the last run left in it, on whatever core, is visible from here on.
    pub(crate) fn enter(&self) -> Result<(), EnterError> {
        match self.0.compare_exchange(FREE, ENTERED, Acquire, Relaxed) {
            Ok(_) => Ok(()),
            // This core has no tree, or it would not have come so far.
            Err(ENTERED) => Err(EnterError::OtherCore),
            Err(_) => Err(EnterError::StillReferred),
        }
    }

    /// The run is over.
    pub(crate) fn leave(&self) {
        self.0.store(REFERRED, Relaxed);
    }

    /// The last reference to the main greenlet is gone. What was kept in the tree is visible to whoever enters it next.
    pub(crate) fn release(&self) {
        self.0.store(FREE, Release);
    }
}
