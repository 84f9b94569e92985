//! Interrupts of the core itself: the one that software raises, and that of its timer.

use core::arch::asm;

use super::traps::{self, Cause};
use super::{clint, cores, timer};

/// mstatus.MIE.
const MIE: usize = 1 << 3;
/// mie.MSIE and MTIE: the interrupts of software and of the timer.
const OURS: usize = 1 << Cause::SOFTWARE | 1 << Cause::TIMER;

/// The number of the timer's.
pub(crate) const TIMER: u16 = Cause::TIMER as u16;

/// Where the trap handler arrives with an interrupt of that cause, when all is saved.
pub(super) fn interrupt(cause: usize, at: usize) {
    match cause {
        // Ended before it is handled: one that is raised by the handler waits until this one returns, and comes then.
        Cause::SOFTWARE => clint::set_software(cores::number(), false),
        Cause::TIMER => timer::stop(),
        other => panic!("interrupt {other} is unexpected: the board did not enable it"),
    }
    crate::interrupts::handle(at);
}

/// Lets the interrupt that is raised through to this core, and that of its timer.
pub(crate) fn init() {
    timer::stop();
    // SAFETY: interrupts are masked, or handled by the trap handler, which resumes the interrupted code.
    unsafe { asm!("csrs mie, {}", in(reg) OURS, options(nostack, preserves_flags)) };
}

pub(crate) fn on_own_stack(own: bool) {
    traps::interrupts_on_own_stack(own);
}

/// Raises the interrupt of this core.
pub(crate) fn raise() {
    clint::set_software(cores::number(), true);
}

pub(crate) fn enable() {
    // SAFETY: unmasks interrupts: their handler resumes the interrupted code, with every register as it was.
    // Not `nomem`: what the handler changes is looked at after it.
    unsafe { asm!("csrs mstatus, {}", in(reg) MIE, options(nostack, preserves_flags)) };
}

pub(crate) fn disable() {
    // SAFETY: masks interrupts. Not `nomem`, as above.
    unsafe { asm!("csrc mstatus, {}", in(reg) MIE, options(nostack, preserves_flags)) };
}

pub(crate) fn are_enabled() -> bool {
    let status: usize;
    // SAFETY: reads a register.
    unsafe { asm!("csrr {}, mstatus", out(reg) status, options(nomem, nostack, preserves_flags)) };
    status & MIE != 0
}

/// One mask covers every kind.
pub(crate) fn mask_others(masked: bool) {
    if masked { disable() } else { enable() }
}
