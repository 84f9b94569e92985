//! Interrupts of the core itself: one from a core, which this one sends to itself, and that of its timer.
//!
//! The processor has interrupts that software raises in ESTAT, too. QEMU 7.2 does not take them.

use core::arch::asm;

use super::{timer, traps};

/// CRMD.IE.
const ENABLE: usize = 1 << 2;
/// The number of the timer's, a bit of ESTAT and ECFG.
pub(crate) const TIMER: u16 = 11;
/// In ESTAT and ECFG: the interrupt of the timer, and the one from a core.
const TIMERS: usize = 1 << TIMER;
const CORE: usize = 1 << 12;
const OURS: usize = TIMERS | CORE;

// Registers of the core's configuration space: which interrupts from cores are let through, those that wait are cleared
// by a bit, and one is sent to a core.
const ENABLED: usize = 0x1004;
const CLEAR: usize = 0x100c;
const SEND: usize = 0x1040;

/// Where the trap handler arrives with interrupts that wait, by ESTAT, when all is saved.
pub(super) fn interrupt(waiting: usize, at: usize) {
    let ours = waiting & OURS;
    assert!(ours != 0, "interrupt {waiting:#x} is unexpected: the board did not enable it");
    // Ended before it is handled: one that is raised by the handler waits until this one returns, and comes then.
    if ours & CORE != 0 {
        configure(CLEAR, 1);
    }
    if ours & TIMERS != 0 {
        timer::stop();
    }
    crate::interrupts::handle(at);
}

/// Lets the interrupt that is raised through to this core, and that of its timer.
pub(crate) fn init() {
    timer::stop();
    configure(ENABLED, 1);
    // SAFETY: interrupts are masked, or handled by the trap handler, which resumes the interrupted code.
    unsafe { asm!("csrwr {}, 0x4", inout(reg) OURS => _, options(nostack, preserves_flags)) };
}

pub(crate) fn on_own_stack(own: bool) {
    traps::interrupts_on_own_stack(own);
}

/// Raises the interrupt of this core.
pub(crate) fn raise() {
    // To core 0, with number 0.
    configure(SEND, 1 << 31);
}

fn configure(register: usize, word: u32) {
    // SAFETY: enables, sends or clears an interrupt whose handler resumes the interrupted code.
    unsafe { asm!("iocsrwr.w {}, {}", in(reg) word, in(reg) register, options(nostack, preserves_flags)) };
}

pub(crate) fn enable() {
    set_enabled(ENABLE);
}

pub(crate) fn disable() {
    set_enabled(0);
}

fn set_enabled(bit: usize) {
    // SAFETY: masks or unmasks interrupts: their handler resumes the interrupted code, with every register as it was.
    // Not `nomem`: what the handler changes is looked at after it.
    unsafe { asm!("csrxchg {}, $t0, 0x0", inout(reg) bit => _, in("$t0") ENABLE, options(nostack, preserves_flags)) };
}

pub(crate) fn are_enabled() -> bool {
    let mode: usize;
    // SAFETY: reads a register.
    unsafe { asm!("csrrd {}, 0x0", out(reg) mode, options(nomem, nostack, preserves_flags)) };
    mode & ENABLE != 0
}

/// One mask covers every kind.
pub(crate) fn mask_others(masked: bool) {
    if masked { disable() } else { enable() }
}
