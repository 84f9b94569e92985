//! One core, and no other.

use crate::cores::Start;

/// Which core this is.
pub(crate) fn number() -> usize {
    0
}

pub(crate) use super::protection::take_out as unmap;

/// Refuses.
///
/// # Panics
///
/// Always.
pub(crate) fn start(core: usize, _start: &'static Start) {
    panic!("there is no core {core}: this machine has one");
}
