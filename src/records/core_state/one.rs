//! The default: one core, with one record at a fixed address.

use super::Core;

/// Public for assembly of other crates: see [`crate::kernel::transfer::foreign`].
pub static RECORD: Core = Core::new();

/// The record of the only core.
pub(crate) fn this_core() -> Option<&'static Core> {
    Some(&RECORD)
}

/// The record of the only core, for reports from a handler.
pub(crate) fn reported_core() -> Option<&'static Core> {
    Some(&RECORD)
}

/// How a control block refers to the record of its core. Needs no data, as there is only one record.
#[derive(Clone, Copy)]
pub(crate) struct Link;

impl Link {
    pub(crate) fn to(_core: &'static Core) -> Self {
        Self
    }

    #[inline(always)]
    pub(crate) fn record(self) -> &'static Core {
        &RECORD
    }
}
