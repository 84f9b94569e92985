//! Questions about a LoongArch processor: stack pointer and interrupt mask.

use crate::arch::{Cpu, INTERRUPT_BITS, Native};
use core::arch::asm;

/// CRMD.IE, bit 2 (reference manual, volume 1, 7.4.1), shifted by [`SHIFT`]. Set, it *un*masks all interrupts.
const ENABLE: u32 = 1 << (2 + SHIFT);

/// The kernel has flags of its own in the lowest bits.
const SHIFT: u32 = 4;

const _: () = assert!(ENABLE & !INTERRUPT_BITS == 0);

impl Cpu for Native {
    #[inline(always)]
    fn stack_pointer() -> *mut u8 {
        let sp;
        // SAFETY: reads a register.
        unsafe { asm!("move {}, $sp", out(reg) sp, options(nomem, nostack, preserves_flags)) };
        sp
    }

    unsafe fn first_mismatch(word: usize, start: *const usize, end: *const usize) -> *const usize {
        let mut at = start;
        // SAFETY: reads the words from `start` to `end` and nothing else.
        unsafe {
            asm!(
                "2:",
                // All words from `start` to `at` are `word`.
                "beq {at}, {end}, 3f",
                "ld.d {found}, {at}, 0",
                "bne {found}, {word}, 3f",
                "addi.d {at}, {at}, 8",
                "b 2b",
                "3:",
                at = inout(reg) at,
                end = in(reg) end,
                word = in(reg) word,
                found = out(reg) _,
                options(readonly, nostack, preserves_flags),
            );
        }
        at
    }

    /// IE of CRMD, and no other bit. The individual masks in ECFG, and those of an interrupt controller, are not read.
    #[inline(always)]
    fn interrupts() -> u32 {
        let mode: usize;
        // SAFETY: reads CRMD, register 0, which code at PLV0 may read.
        unsafe { asm!("csrrd {}, 0", out(reg) mode, options(nomem, nostack, preserves_flags)) };
        (mode as u32) << SHIFT & ENABLE
    }

    /// One bit for all kinds. They are masked where IE is clear.
    fn masked(interrupts: u32) -> u32 {
        !interrupts & ENABLE
    }
}
