//! With the feature `cores`: one record per core. The firmware's [`CoreIdentity`](crate::CoreIdentity) says which core
//! this is.

use super::Core;

/// How many cores are supported.
const CORES: usize = 64;

static RECORDS: [Core; CORES] = [const { Core::new() }; CORES];

unsafe extern "Rust" {
    /// Defined by `core_identity!`.
    safe fn _greenlet_core_number() -> usize;
    /// Defined by `core_identity!`.
    safe fn _greenlet_in_handler() -> bool;
}

/// The record of this core; `None` in a handler, and on a core whose number is too high.
pub(crate) fn this_core() -> Option<&'static Core> {
    if _greenlet_in_handler() { None } else { reported_core() }
}

/// The record of this core, also in a handler: for reports that only read.
pub(crate) fn reported_core() -> Option<&'static Core> {
    RECORDS.get(_greenlet_core_number())
}

/// How a control block refers to the record of its core: by a pointer.
#[derive(Clone, Copy)]
pub(crate) struct Link(&'static Core);

impl Link {
    pub(crate) fn to(core: &'static Core) -> Self {
        Self(core)
    }

    #[inline(always)]
    pub(crate) fn record(self) -> &'static Core {
        self.0
    }
}
