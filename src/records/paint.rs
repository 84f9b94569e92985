//! Paint on a stack: laid when the stack is claimed, and measured later, for how much of it was used.

use crate::arch::{Cpu, Native};
use crate::records::band::Canary;
use crate::records::block::BlockPtr;
use core::mem::size_of;
use core::sync::atomic::AtomicUsize;
use core::sync::atomic::Ordering::Relaxed;

/// A byte of the paint: no pointer and no small number is made of these, and no cleared or set memory.
const PAINT: u8 = 0x9e;
/// What a word looks like that was not written to.
const PAINTED: usize = usize::from_ne_bytes([PAINT; size_of::<usize>()]);

/// Paints a stack from `floor` up to the control block, `span` bytes above it.
///
/// # Safety
///
/// This memory belongs to the caller, and nothing lies in it.
pub(crate) unsafe fn paint((floor, span): (*const Canary, usize)) {
    // SAFETY: the caller's contract.
    unsafe { floor.cast_mut().cast::<u8>().write_bytes(PAINT, span) };
}

/// The lowest word that was written to, or the stack pointer if that is lower: as it is for the greenlet that runs, else as the last
/// switch left it. As a distance from the base in bytes.
#[inline(never)] // one copy, for the size
pub(crate) fn mark(block: BlockPtr) -> usize {
    let (floor, span) = (block.floor.get().cast::<usize>(), block.span.get());
    debug_assert!(span.is_multiple_of(size_of::<usize>()));
    // SAFETY: between floor and control block is memory of the greenlet's stack, which was painted; both are aligned to more.
    let lowest = unsafe { Native::first_mismatch(PAINTED, floor, floor.wrapping_byte_add(span)) };
    // Null, if it never ran and has no body.
    let here = block.here();
    let runs = here.current_ptr() == block.as_ptr() && !here.reports_overflow();
    let left = if runs { Native::stack_pointer() } else { block.context.sp() };
    let sp = if left.is_null() { lowest.addr() } else { left.addr() };
    block.base() - lowest.addr().min(sp)
}

/// The highest mark of all greenlets that were freed, or outlived their trees.
static DEEPEST: AtomicUsize = AtomicUsize::new(0);

/// Keeps the mark of a greenlet of which the kernel loses sight.
pub(crate) fn keep(block: BlockPtr) {
    if !block.is_main() {
        DEEPEST.fetch_max(mark(block), Relaxed);
    }
}

/// The highest mark that was [kept](keep).
pub(crate) fn deepest() -> usize {
    DEEPEST.load(Relaxed)
}
