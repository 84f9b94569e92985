//! Questions about an aarch64 processor: stack pointer, interrupt masks, watchpoint.

use crate::arch::isa::Control;
use crate::arch::{Bounds, Context, Cpu, INTERRUPT_BITS, Native};
use core::arch::asm;

/// DAIF.F, I and A: the masks of FIQ, IRQ and SError, bits 6 to 8 (Arm ARM, C5.2.3).
const MASKS: u32 = 0b111 << 6;

/// DAIF as a whole: D, bit 9, is the mask of debug exceptions. All other bits of the register are 0.
const DAIF: u32 = MASKS | 1 << 9;

const _: () = assert!(DAIF & !INTERRUPT_BITS == 0);

/// Bytes that the watchpoint covers.
#[cfg(bare)]
const WATCHED: usize = 64;

impl Cpu for Native {
    #[inline(always)]
    fn stack_pointer() -> *mut u8 {
        let sp;
        // SAFETY: reads a register.
        unsafe { asm!("mov {}, sp", out(reg) sp, options(nomem, nostack, preserves_flags)) };
        sp
    }

    /// The word that one load reads together with the highest.
    const LOWER_CANARY: usize = 2;

    /// In assembly: the compiler does not load the words as a pair.
    #[inline(always)]
    unsafe fn stack_ok<const OFFSET: usize>(base: *const Context) -> bool {
        // SAFETY: by the contract.
        let bounds = unsafe { &*base.wrapping_byte_add(OFFSET).cast::<Bounds>() };
        // SAFETY: reads the two words that the caller vouches for.
        unsafe {
            asm!(
                "ldp {lower}, {highest}, [{floor}, #-16]",
                "add {highest}, sp, {highest}",
                "add {highest}, {highest}, {lower}",
                "cmp {highest}, {reach}",
                "b.lo {fails}",
                floor = in(reg) bounds.floor.get(),
                reach = in(reg) bounds.reach.get(),
                lower = out(reg) _,
                highest = out(reg) _,
                fails = label { return false },
                options(readonly, nostack),
            );
        }
        true
    }

    unsafe fn first_mismatch(word: usize, start: *const usize, end: *const usize) -> *const usize {
        let mut at = start;
        // SAFETY: reads the words from `start` to `end` and nothing else.
        unsafe {
            asm!(
                "2:",
                // All words from `start` to `at` are `word`.
                "cmp {at}, {end}",
                "b.eq 3f",
                "ldr {found}, [{at}]",
                "cmp {found}, {word}",
                "b.ne 3f",
                "add {at}, {at}, #8",
                "b 2b",
                "3:",
                at = inout(reg) at,
                end = in(reg) end,
                word = in(reg) word,
                found = out(reg) _,
                options(readonly, nostack),
            );
        }
        at
    }

    /// DAIF, unchanged. So a switch takes the slow path once after a change of D, too. To mask D out would take one
    /// more instruction in each switch.
    #[cfg(bare)]
    #[inline(always)]
    fn interrupts() -> u32 {
        let daif: u64;
        // SAFETY: reads a register that every exception level above 0 may read.
        unsafe { asm!("mrs {}, daif", out(reg) daif, options(nomem, nostack, preserves_flags)) };
        daif as u32
    }

    /// F, I and A. Each bit that is set masks a kind of interrupts.
    #[cfg(bare)]
    fn masked(interrupts: u32) -> u32 {
        interrupts & MASKS
    }

    /// Whether IRQs are masked. SError and FIQ may be masked anywhere.
    #[cfg(bare)]
    fn in_handler() -> bool {
        /// DAIF.I.
        const IRQ: u32 = 1 << 7;
        Self::interrupts() & IRQ != 0
    }

    /// One bit for each of the two stack pointers that `sp` may name (SPSel), and the mask of debug exceptions (DAIF.D;
    /// Arm ARM, C5.2.19 and C5.2.3).
    #[cfg(bare)]
    fn state() -> u32 {
        /// DAIF.D, bit 9.
        const D: u64 = 1 << 9;
        let (selected, daif): (u64, u64);
        // SAFETY: reads registers that every exception level above 0 may read.
        unsafe {
            asm!(
                "mrs {}, spsel",
                "mrs {}, daif",
                out(reg) selected,
                out(reg) daif,
                options(nomem, nostack, preserves_flags),
            )
        };
        (1 << (selected & 1) | daif & D) as u32
    }

    /// Watches the 64 bytes below `end`.
    #[cfg(bare)]
    #[inline(always)]
    fn watch(end: *const ()) {
        // SAFETY: an address in a debug register has no effect until its control register enables it. The barrier makes
        // the address effective before the next store. `nomem` is not given, so that no store moves across.
        unsafe {
            asm!(
                "msr dbgwvr0_el1, {start}",
                "isb",
                start = in(reg) end.addr() - WATCHED,
                options(nostack, preserves_flags),
            );
        }
    }

    /// At EL1, with watchpoint 0. Also unmasks debug exceptions. They come before the store.
    #[cfg(bare)]
    unsafe fn start_watching() {
        /// Of DBGWCR (Arm ARM, D19.3.12): enabled, at EL1, for stores, all 8 bytes of a doubleword, and log2 of the
        /// covered bytes.
        const ON: u64 = 1 << 0 | 0b01 << 1 | 0b10 << 3 | 0xff << 5 | (WATCHED.trailing_zeros() as u64) << 24;
        /// Of MDSCR_EL1: KDE and MDE, debug exceptions from this exception level, and watchpoints.
        const ENABLED: u64 = 1 << 13 | 1 << 15;
        // SAFETY: by the contract.
        unsafe {
            asm!(
                "msr oslar_el1, xzr", // unlocks: a reset sets the OS lock, which holds back debug exceptions
                "msr dbgwcr0_el1, {on}",
                "mrs {state}, mdscr_el1",
                "orr {state}, {state}, {enabled}",
                "msr mdscr_el1, {state}",
                "isb",
                "msr daifclr, #8",
                "isb",
                on = in(reg) ON,
                enabled = in(reg) ENABLED,
                state = out(reg) _,
                options(nostack, preserves_flags),
            );
        }
    }

    /// FPCR, by its encoding: see `control.rs`.
    fn control() -> Control {
        let control;
        // SAFETY: reads a register.
        unsafe { asm!("mrs {}, S3_3_C4_C4_0", out(reg) control, options(nomem, nostack, preserves_flags)) };
        control
    }
}
