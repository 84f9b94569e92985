//! The core that the firmware runs the program on, and no other.

use super::interrupts::refuse;
use crate::cores::Start;

/// Which core this is.
pub(crate) fn number() -> usize {
    0
}

/// Refuses.
///
/// # Panics
///
/// Always.
pub(crate) fn unmap(_page: usize) {
    refuse();
}

/// Refuses.
///
/// # Panics
///
/// Always.
pub(crate) fn start(_core: usize, _start: &'static Start) {
    refuse();
}
