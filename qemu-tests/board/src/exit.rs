//! How a guest leaves the machine.

use crate::{machine, timeline};

/// All checks passed, and there was one at least.
pub(crate) const PASSED: u8 = 0;
/// A check failed, or there was none.
pub(crate) const FAILED: u8 = 1;
/// The guest panicked.
pub(crate) const PANICKED: u8 = 2;
/// An unexpected exception.
pub(crate) const FAULTED: u8 = 3;

/// What the host sees is offset by this, so that nothing else looks like a guest's code: not QEMU's own failure (1),
/// and not a machine that reset itself (0).
const OFFSET: u8 = 16;

/// Ends QEMU when everything is printed.
///
/// 0: passed. 1: a check failed. 2: a panic. 3: an exception. What a guest means by others is its own affair.
///
/// The host sees `code + 16` from aarch64 and `(code + 16) * 2 + 1` from x86_64, both modulo 256: codes up to 111
/// arrive in full.
pub fn exit(code: u8) -> ! {
    timeline::write();
    machine::serial::drain();
    at_once(code)
}

/// [`exit()`], though what was printed last may be lost.
pub(crate) fn at_once(code: u8) -> ! {
    machine::leave(code.wrapping_add(OFFSET))
}
