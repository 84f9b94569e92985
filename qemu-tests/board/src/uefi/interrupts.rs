//! The interrupt mask, which a program may change. What raises and handles interrupts is the firmware's.

pub(crate) use super::processor::{are_enabled, disable, enable, mask_others};

/// No number: nothing here is interrupted.
pub(crate) const TIMER: u16 = 0;

/// Refuses.
///
/// # Panics
///
/// Always.
pub(crate) fn refuse() {
    panic!("interrupts and exceptions of this machine are the firmware's: boot this guest on another one");
}

pub(crate) use refuse as init;
pub(crate) use refuse as raise;

/// Refuses.
///
/// # Panics
///
/// Always.
pub(crate) fn on_own_stack(_own: bool) {
    refuse();
}
