//! What debug registers watch: the band of the greenlet that runs, or nothing of any greenlet.

use crate::arch;
use crate::records::band::BAND;
use crate::records::block::BlockPtr;

/// What is watched while no tree is entered: memory that nobody writes to.
static NOBODY: Nobody = Nobody([0; BAND]);

#[repr(align(64))]
struct Nobody([u8; BAND]);

/// Watches the band at the limit of the stack of `block`, of this core.
#[inline(always)]
pub(crate) fn greenlet(block: BlockPtr) {
    arch::watch(block.floor.get().cast());
}

/// Watches nobody's stack any more.
pub(crate) fn nobody() {
    arch::watch(NOBODY.0.as_ptr_range().end.cast());
}
