//! The memory that the debug registers watch (feature `watchpoint`): the canary band of the current greenlet, so that a
//! store to it traps; while no tree is entered, memory that is never written.

use crate::arch::{Cpu, Native};
use crate::records::band::BAND;
use crate::records::block::BlockPtr;

/// Watched while no tree is entered. Nothing writes to it.
static UNWRITTEN: Unwritten = Unwritten([0; BAND]);

#[repr(align(64))]
struct Unwritten([u8; BAND]);

/// Sets the watchpoint to the canary band of `block`, a greenlet of this core.
#[inline(always)]
pub(crate) fn greenlet(block: BlockPtr) {
    Native::watch(block.floor().cast());
}

/// Sets the watchpoint to memory that nothing writes to, as no tree is entered any more.
pub(crate) fn no_greenlet() {
    Native::watch(UNWRITTEN.0.as_ptr_range().end.cast());
}
