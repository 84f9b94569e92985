//! Interrupts of the core itself: the one that software raises, and that of its timer.

use core::arch::asm;

use super::traps::{self, Cause};
use super::{clint, cores, csr, timer};

/// The bits of mie and sie for the interrupts of software and of the timer.
const OURS: usize = SOFTWARE | 1 << Cause::TIMER;
const SOFTWARE: usize = 1 << Cause::SOFTWARE;

/// The number of the timer's.
pub(crate) const TIMER: u16 = Cause::TIMER as u16;

/// Where the trap handler arrives with an interrupt of that cause, when all is saved.
pub(super) fn interrupt(cause: usize, at: usize) {
    match cause {
        // Ended before it is handled: one that is raised by the handler waits until this one returns, and comes then.
        Cause::SOFTWARE => raise_or_take_back(false),
        Cause::TIMER => timer::stop(),
        other => panic!("interrupt {other} is unexpected: the board did not enable it"),
    }
    crate::interrupts::handle(at);
}

/// Lets the interrupt that is raised through to this core, and that of its timer.
pub(crate) fn init() {
    timer::stop();
    // SAFETY: interrupts are masked, or handled by the trap handler, which resumes the interrupted code.
    unsafe { asm!("csrs {}, {}", const csr::ENABLED, in(reg) OURS, options(nostack, preserves_flags)) };
}

pub(crate) fn on_own_stack(own: bool) {
    traps::interrupts_on_own_stack(own);
}

/// Raises the interrupt of this core.
pub(crate) fn raise() {
    raise_or_take_back(true);
}

fn raise_or_take_back(raise: bool) {
    if !csr::IS_SUPERVISOR {
        clint::set_software(cores::number(), raise);
    } else if raise {
        // SAFETY: the interrupt of software waits; its handler resumes the interrupted code.
        unsafe { asm!("csrs {}, {}", const csr::WAITING, in(reg) SOFTWARE, options(nostack, preserves_flags)) };
    } else {
        // SAFETY: it does not wait any more.
        unsafe { asm!("csrc {}, {}", const csr::WAITING, in(reg) SOFTWARE, options(nostack, preserves_flags)) };
    }
}

pub(crate) fn enable() {
    // SAFETY: unmasks interrupts: their handler resumes the interrupted code, with every register as it was.
    // Not `nomem`: what the handler changes is looked at after it.
    unsafe { asm!("csrs {}, {}", const csr::STATUS, in(reg) csr::UNMASK, options(nostack, preserves_flags)) };
}

pub(crate) fn disable() {
    // SAFETY: masks interrupts. Not `nomem`, as above.
    unsafe { asm!("csrc {}, {}", const csr::STATUS, in(reg) csr::UNMASK, options(nostack, preserves_flags)) };
}

pub(crate) fn are_enabled() -> bool {
    let status: usize;
    // SAFETY: reads a register.
    unsafe { asm!("csrr {}, {}", out(reg) status, const csr::STATUS, options(nomem, nostack, preserves_flags)) };
    status & csr::UNMASK != 0
}

/// One mask covers every kind.
pub(crate) fn mask_others(masked: bool) {
    if masked { disable() } else { enable() }
}
