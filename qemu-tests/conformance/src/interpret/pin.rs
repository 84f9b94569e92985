//! References that an op holds while it lasts.

use core::ops::Deref;

use super::machine::{self, MACHINE};
use super::value::Handle;

/// A handle that an op in progress holds, entered in the books.
///
/// It goes out of the books first and is released then: what the release does may be audited.
pub(super) struct Pin {
    handle: Handle,
    slot: Option<u8>,
}

impl Pin {
    /// Enters `handle` in the books. A greenlet of no slot has no place there; the audit reports it as a stranger.
    pub(super) fn on(handle: Handle) -> Self {
        let slot = machine::slot_of(&handle);
        if let Some(slot) = slot {
            MACHINE.with(&handle, |machine| machine.books.pin(slot));
        }
        Self { handle, slot }
    }

    /// Refers to the greenlet of a slot, unless the slot is empty.
    pub(super) fn of(on: &Handle, slot: u8) -> Option<Self> {
        machine::handle(on, slot).map(Self::on)
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            MACHINE.with(&self.handle, |machine| machine.books.unpin(slot));
        }
    }
}

impl Deref for Pin {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}
