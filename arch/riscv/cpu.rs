//! Questions about a RISC-V processor: stack pointer, interrupt mask, rounding mode.

use crate::arch::isa::Control;
use crate::arch::{Cpu, INTERRUPT_BITS, Native};
use core::arch::asm;

/// mstatus.MIE, bit 3, or with the feature `supervisor-mode` sstatus.SIE, bit 1 (privileged architecture, 3.1.6.1 and
/// 4.1.1), shifted by [`SHIFT`]. Set, it *un*masks all interrupts that the mode takes.
const ENABLE: u32 = 1 << (if cfg!(feature = "supervisor-mode") { 1 } else { 3 } + SHIFT);

/// mstatus, or sstatus, by its number.
const STATUS: u32 = if cfg!(feature = "supervisor-mode") { 0x100 } else { 0x300 };

/// The kernel has flags of its own in the lowest bits.
const SHIFT: u32 = 5;

const _: () = assert!(ENABLE & !INTERRUPT_BITS == 0);

impl Cpu for Native {
    #[inline(always)]
    fn stack_pointer() -> *mut u8 {
        let sp;
        // SAFETY: reads a register.
        unsafe { asm!("mv {}, sp", out(reg) sp, options(nomem, nostack, preserves_flags)) };
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
                load!("{found}, 0({at})"),
                "bne {found}, {word}, 3f",
                "addi {at}, {at}, {SIZE}",
                "j 2b",
                "3:",
                SIZE = const size_of::<usize>(),
                at = inout(reg) at,
                end = in(reg) end,
                word = in(reg) word,
                found = out(reg) _,
                options(readonly, nostack),
            );
        }
        at
    }

    /// MIE of mstatus, or SIE of sstatus, and no other bit: FS and MPIE change without the kernel. The individual masks
    /// in `mie` or `sie`, and those of an interrupt controller, are not read.
    #[inline(always)]
    fn interrupts() -> u32 {
        let status: usize;
        // SAFETY: reads a register that the mode may read.
        unsafe {
            asm!("csrr {}, {}", out(reg) status, const STATUS, options(nomem, nostack, preserves_flags));
        }
        (status as u32) << SHIFT & ENABLE
    }

    /// One bit for all kinds. They are masked where the bit is clear.
    fn masked(interrupts: u32) -> u32 {
        !interrupts & ENABLE
    }

    /// frm, by its number: see `control.rs`.
    fn control() -> Control {
        let control: usize;
        // SAFETY: reads a register.
        unsafe { asm!("csrr {}, 2", out(reg) control, options(nomem, nostack, preserves_flags)) };
        control as Control
    }
}
