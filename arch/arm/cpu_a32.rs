//! Questions about an Armv7-A: stack pointer, interrupt masks, mode.

use crate::arch::{Cpu, INTERRUPT_BITS, Native};
use core::arch::asm;

// Of CPSR (Armv7-A, B1.3.3): what masks fast interrupts and interrupts, and the mode.
const F: u32 = 1 << 6;
const I: u32 = 1 << 7;
const MODE: u32 = 0x1f;

const _: () = assert!((F | I) & !INTERRUPT_BITS == 0);

impl Cpu for Native {
    same_questions!();

    /// CPSR.I and CPSR.F. An exception sets I, so a handler that leaves it set is seen to be one.
    #[inline(always)]
    fn interrupts() -> u32 {
        cpsr() & (F | I)
    }

    /// Two kinds: interrupts, and fast ones.
    fn masked(interrupts: u32) -> u32 {
        interrupts / F
    }

    /// One bit for each mode, and one for big-endian data. Each mode has a stack pointer of its own, but System and
    /// User.
    fn state() -> u32 {
        /// CPSR.E.
        const BIG_ENDIAN_AT: u32 = 9;
        let cpsr = cpsr();
        // Bit 4 of the mode is always set: 16 modes.
        1 << (cpsr & MODE & 0xf) | (cpsr >> BIG_ENDIAN_AT & 1) << 16
    }
}

#[inline(always)]
fn cpsr() -> u32 {
    let cpsr: u32;
    // SAFETY: reads a register.
    unsafe { asm!("mrs {}, cpsr", out(reg) cpsr, options(nomem, nostack, preserves_flags)) };
    cpsr
}
