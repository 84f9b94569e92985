//! The limit of the process stack, PSPLIM, which v8-M has. The instructions are written as numbers, because the board
//! is in Thumb-1, whose assembler does not know the register.

use core::arch::asm;

use super::scb;

/// The lowest address that the process stack pointer may have; 0 for any, as it is on other processors.
pub(super) fn get() -> usize {
    if !scb::is_v8() {
        return 0;
    }
    let limit;
    // SAFETY: `mrs r0, psplim`: reads a register.
    unsafe { asm!(".2byte 0xf3ef, 0x800b", out("r0") limit, options(nomem, nostack, preserves_flags)) };
    limit
}

/// Sets it, to a multiple of 8. Other processors have none: there it does nothing.
pub(super) fn set(limit: usize) {
    if scb::is_v8() {
        // SAFETY: `msr psplim, r0`: a fault at most, for a stack pointer that is below.
        unsafe { asm!(".2byte 0xf380, 0x880b", in("r0") limit, options(nomem, nostack, preserves_flags)) };
    }
}
