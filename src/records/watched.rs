//! What debug registers watch while no greenlet runs.

use crate::arch;
use crate::records::band::BAND;

/// What is watched while no tree is entered: memory that nobody writes to.
static NOBODY: Nobody = Nobody([0; BAND]);

#[repr(align(64))]
struct Nobody([u8; BAND]);

/// Watches nobody's stack any more.
pub(crate) fn nobody() {
    arch::watch(NOBODY.0.as_ptr_range().end.cast());
}
