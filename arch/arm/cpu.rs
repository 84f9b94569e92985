//! Questions about a Cortex-M: stack pointer, interrupt masks, whether this is a handler.

use crate::arch::{Cpu, INTERRUPT_BITS, Native};
use core::arch::asm;

// What `interrupts` is made of, from [`SHIFT`] on. PRIMASK has 1 bit, BASEPRI 8 and IPSR 9 (Armv7-M, B1.4).
const PRIMASK: u32 = 1;
const BASEPRI_AT: u32 = 1;
const BASEPRI: u32 = 0xff << BASEPRI_AT;
const IPSR_AT: u32 = 9;
const IPSR: u32 = 0x1ff << IPSR_AT;

/// The kernel has flags of its own in the lowest bits.
const SHIFT: u32 = 6;

const _: () = assert!((PRIMASK | BASEPRI | IPSR) << SHIFT & !INTERRUPT_BITS == 0);

impl Cpu for Native {
    same_questions!();

    /// PRIMASK, BASEPRI and IPSR: what masks interrupts, and which exception is handled. A handler may leave all masks
    /// clear, and yet nothing may switch there: it is on the main stack, and the processor is in another mode.
    /// FAULTMASK is not read, nor what the interrupt controller holds back. The three that are read are 0 in
    /// unprivileged code.
    #[inline(always)]
    fn interrupts() -> u32 {
        let primask: u32;
        // SAFETY: reads a register.
        unsafe {
            asm!("mrs {}, primask", out(reg) primask, options(nomem, nostack, preserves_flags));
        }
        // The compiler makes the shifts part of other instructions, in Thumb-2.
        (primask | basepri() << BASEPRI_AT | ipsr() << IPSR_AT) << SHIFT
    }

    /// Three kinds: what PRIMASK masks, what a BASEPRI masks, whichever it is, and what waits for a handler to return.
    fn masked(interrupts: u32) -> u32 {
        let any = |bits: u32| u32::from(interrupts & bits << SHIFT != 0);
        any(PRIMASK) | any(BASEPRI) << 1 | any(IPSR) << 2
    }

    /// Whether the processor is in handler mode: exact, whatever is masked.
    fn in_handler() -> bool {
        ipsr() != 0
    }

    /// One bit for each of the two stack pointers that `sp` may name (CONTROL.SPSEL), and one each for unprivileged
    /// code (CONTROL.nPRIV), for FAULTMASK, and for FPCCR.LSPACT (Armv7-M, B1.4.4 and B3.2.22). While LSPACT is set,
    /// the next instruction with floating point stores registers to the stack of the code that was stopped.
    #[cfg(not(thumb_1))]
    fn state() -> u32 {
        /// Reserved, and 0, where there is no floating point. In unprivileged code a load of it is a bus fault.
        const FPCCR: *const u32 = core::ptr::without_provenance(0xe000_ef34);
        let (control, faultmask): (u32, u32);
        // SAFETY: reads registers.
        unsafe {
            asm!(
                "mrs {}, control",
                "mrs {}, faultmask",
                out(reg) control,
                out(reg) faultmask,
                options(nomem, nostack, preserves_flags),
            )
        };
        let is_privileged = control & 1 == 0;
        // SAFETY: privileged code may read this register, and that changes nothing.
        let fpccr = if is_privileged { unsafe { FPCCR.read_volatile() } } else { 0 };
        1 << (control >> 1 & 1) | (control & 1) << 2 | (faultmask & 1) << 3 | (fpccr & 1) << 4
    }

    /// As in Thumb-2. v6-M has neither FAULTMASK nor registers of floating point.
    #[cfg(thumb_1)]
    fn state() -> u32 {
        let control: u32;
        // SAFETY: reads a register.
        unsafe { asm!("mrs {}, control", out(reg) control, options(nomem, nostack, preserves_flags)) };
        1 << (control >> 1 & 1) | (control & 1) << 2
    }

    #[cfg(stack_limit)]
    fn stack_limit() -> usize {
        let (limit, psp, sp): (usize, usize, usize);
        // SAFETY: reads registers.
        unsafe {
            asm!(
                "mrs {}, psplim",
                "mrs {}, psp",
                "mov {}, sp",
                out(reg) limit,
                out(reg) psp,
                out(reg) sp,
                options(nomem, nostack, preserves_flags),
            )
        };
        assert!(
            sp == psp,
            "greenlet: with the feature `stack-limit` greenlets run on the process stack, whose limit it sets; set \
             CONTROL.SPSEL before `Tree::enter`"
        );
        limit
    }

    // `interrupts_use_current_stack` is false, although the processor stores an interrupt's frame on the stack of the
    // running code: where that faults, the interrupt stays pending, or its handler runs before that of the fault
    // (Armv7-M, B1.5.11), so none is lost.
}

/// The lowest priority that is masked; 0 for none.
#[cfg(not(thumb_1))]
#[inline(always)]
fn basepri() -> u32 {
    let priority: u32;
    // SAFETY: reads a register.
    unsafe { asm!("mrs {}, basepri", out(reg) priority, options(nomem, nostack, preserves_flags)) };
    priority
}

/// v6-M has no such register.
#[cfg(thumb_1)]
#[inline(always)]
fn basepri() -> u32 {
    0
}

/// The number of the exception that is being handled; 0 in thread mode.
#[inline(always)]
fn ipsr() -> u32 {
    let number: u32;
    // SAFETY: reads a register.
    unsafe { asm!("mrs {}, ipsr", out(reg) number, options(nomem, nostack, preserves_flags)) };
    number
}
