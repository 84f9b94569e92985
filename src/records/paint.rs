//! The fill pattern (paint) of a stack: written when the stack is claimed, and searched later for how far the stack was
//! used.

use crate::arch::{Cpu, Native};
use crate::records::band::Canary;
use crate::records::block::BlockPtr;
use crate::records::sync::atomic::AtomicUsize;
use core::mem::size_of;
use core::sync::atomic::Ordering::Relaxed;

/// A byte of the paint. Pointers, small numbers, and memory that was cleared or set do not consist of such bytes.
const PAINT: u8 = 0x9e;
/// A word that was not written to since it was painted.
const PAINTED: usize = usize::from_ne_bytes([PAINT; size_of::<usize>()]);

/// Paints a stack: the `span` bytes from `floor` up to the control block.
///
/// # Safety
///
/// This memory belongs to the caller, and holds nothing.
pub(crate) unsafe fn paint((floor, span): (*const Canary, usize)) {
    // SAFETY: the caller's contract.
    unsafe { floor.cast_mut().cast::<u8>().write_bytes(PAINT, span) };
}

/// The high-water mark of a stack: bytes from its base down to the lowest word that was written to, or down to the
/// stack pointer if that is lower. The stack pointer is the present one for the current greenlet, else the saved one.
#[inline(never)] // one copy, to save space
pub(crate) fn mark(block: BlockPtr) -> usize {
    let (floor, span) = (block.floor().cast::<usize>(), block.span());
    debug_assert!(span.is_multiple_of(size_of::<usize>()));
    // SAFETY: the memory from floor to control block is part of the greenlet's stack and was painted. Both bounds are
    // aligned to more than a word.
    let lowest = unsafe { Native::first_mismatch(PAINTED, floor, floor.wrapping_byte_add(span)) };
    // The saved stack pointer is null for a greenlet that has not started and has no body.
    let core = block.core();
    let runs = core.current_ptr() == block.as_ptr() && !core.reports_overflow();
    let left = if runs { Native::stack_pointer() } else { block.context.sp() };
    let sp = if left.is_null() { lowest.addr() } else { left.addr() };
    block.base() - lowest.addr().min(sp)
}

/// The highest mark of all greenlets that were freed, or outlived their trees.
static DEEPEST: AtomicUsize = AtomicUsize::new(0);

/// Includes the mark of `block` in [`deepest`], when the greenlet is freed or its tree ends.
pub(crate) fn keep(block: BlockPtr) {
    if !block.is_main() {
        DEEPEST.fetch_max(mark(block), Relaxed);
    }
}

/// The highest mark that was [kept](keep).
pub(crate) fn deepest() -> usize {
    DEEPEST.load(Relaxed)
}
