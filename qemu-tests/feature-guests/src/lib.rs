//! What the guests share that need features of `greenlet`.

#![no_std]

pub mod anew;
pub mod heap;
pub mod left;
mod logger;
#[cfg(not(target_arch = "arm"))]
pub mod masked;

#[cfg(not(target_arch = "arm"))]
use greenlet::CoreIdentity;

/// The cores of the machines, as the board numbers them, and handlers exactly when they run.
///
/// A guest that starts others says `greenlet::core_identity!(feature_guests::EveryCore)`.
#[derive(Debug)]
pub struct EveryCore;

// SAFETY: the board numbers cores from 0, and notes for each whether a handler runs. Its handlers of exceptions never
// return, and call nothing that queries it.
#[cfg(not(target_arch = "arm"))]
unsafe impl CoreIdentity for EveryCore {
    fn number() -> usize {
        board::cores::number()
    }

    fn in_handler() -> bool {
        board::interrupts::in_handler()
    }
}

/// The one core of the machines, and handlers exactly when they run: the board keeps track.
///
/// A guest says `greenlet::core_identity!(feature_guests::OneCore)`, or `feature_guests::one_core!()` if a Cortex-M
/// runs it, too.
#[derive(Debug)]
pub struct OneCore;

/// Declares [`OneCore`], where the library is built so that it takes an identity: not for a Cortex-M.
#[macro_export]
macro_rules! one_core {
    () => {
        #[cfg(not(target_arch = "arm"))]
        greenlet::core_identity!($crate::OneCore);
    };
}

// SAFETY: one core has one number; the board calls handlers of interrupts and keeps track. Its handlers of exceptions
// never return, and call nothing that queries it.
#[cfg(not(target_arch = "arm"))]
unsafe impl CoreIdentity for OneCore {
    fn number() -> usize {
        0
    }

    fn in_handler() -> bool {
        board::interrupts::in_handler()
    }
}
