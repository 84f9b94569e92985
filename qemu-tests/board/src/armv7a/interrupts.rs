//! Interrupts, by the controller of version 2: a number that the core sends to itself, and that of its timer.

use core::arch::asm;

use super::{gic2, timer, traps};

/// The number of the timer's.
pub(crate) const TIMER: u16 = timer::NUMBER as u16;

/// The interrupt that is raised. Numbers up to 15 are for software; the controller never masks them here.
const OURS: u32 = 1;

/// Of CPSR.
const I: u32 = 1 << 7;

/// Where the vector of interrupts arrives, when all is saved: the interrupted code continues at `pc`.
pub(super) extern "C" fn interrupt(pc: usize) {
    // Ended before it is handled: one that is raised by the handler waits until this one returns, and comes then.
    match gic2::take() {
        OURS => {}
        timer::NUMBER => timer::stop(),
        other => panic!("interrupt {other} is unexpected: the board did not enable it"),
    }
    crate::interrupts::handle(pc);
}

/// Lets the interrupt that is raised through to this core, and that of its timer.
pub(crate) fn init() {
    gic2::init();
}

pub(crate) use traps::interrupts_on_own_stack as on_own_stack;

/// Sends the interrupt to this core.
pub(crate) fn raise() {
    gic2::raise(OURS);
    // SAFETY: waits until the store has arrived.
    unsafe { asm!("dsb", "isb", options(nostack, preserves_flags)) };
}

pub(crate) fn enable() {
    // SAFETY: unmasks interrupts: their handler resumes the interrupted code, with every register as it was.
    // Not `nomem`: what the handler changes is looked at after it.
    unsafe { asm!("cpsie i", "isb", options(nostack, preserves_flags)) };
}

pub(crate) fn disable() {
    // SAFETY: masks interrupts. Not `nomem`, as above.
    unsafe { asm!("cpsid i", options(nostack, preserves_flags)) };
}

pub(crate) fn are_enabled() -> bool {
    let cpsr: u32;
    // SAFETY: reads a register.
    unsafe { asm!("mrs {}, cpsr", out(reg) cpsr, options(nomem, nostack, preserves_flags)) };
    cpsr & I == 0
}

/// Masks or unmasks fast interrupts, which no device raises.
pub(crate) fn mask_others(masked: bool) {
    if masked {
        // SAFETY: as above.
        unsafe { asm!("cpsid f", options(nostack, preserves_flags)) };
    } else {
        // SAFETY: as above.
        unsafe { asm!("cpsie f", options(nostack, preserves_flags)) };
    }
}
