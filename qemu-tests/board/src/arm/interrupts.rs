//! Interrupts of the core itself: PendSV, which software raises, and that of its timer.

use core::arch::asm;

use super::{scb, timer};

unsafe extern "C" {
    /// The base of the stack for exceptions, of which only the address is known.
    safe static exception_stack_base: u8;
}

/// The number of the timer's, SysTick.
pub(crate) const TIMER: u16 = 15;

/// Gets them ready: they are, but that the timer may run.
pub(crate) fn init() {
    timer::stop();
}

/// Has interrupts handled on the main stack, or on the stack of the code that they interrupt: then the guest runs on
/// the main stack itself. Called in thread mode.
pub(crate) fn on_own_stack(own: bool) {
    let control: u32;
    // SAFETY: reads a register.
    unsafe { asm!("mrs {}, control", out(reg) control, options(nomem, nostack, preserves_flags)) };
    /// CONTROL.SPSEL.
    const PROCESS_STACK: u32 = 1 << 1;
    match (own, control & PROCESS_STACK != 0) {
        // SAFETY: the stack pointer is the same before and after, in the other of two registers. Interrupts are masked.
        // In thread mode nothing is on the main stack.
        (false, true) => unsafe {
            asm!(
                "mov {sp}, sp",
                "msr msp, {sp}",
                "msr control, {control}",
                "isb",
                sp = out(reg) _,
                control = in(reg) control & !PROCESS_STACK,
                options(nostack, preserves_flags),
            );
        },
        // SAFETY: the same. Then the main stack is empty.
        (true, false) => unsafe {
            asm!(
                "mov {sp}, sp",
                "msr psp, {sp}",
                "msr control, {control}",
                "isb",
                "msr msp, {base}",
                sp = out(reg) _,
                control = in(reg) control | PROCESS_STACK,
                base = in(reg) &raw const exception_stack_base,
                options(nostack, preserves_flags),
            );
        },
        _ => {}
    }
}

/// Raises the interrupt.
pub(crate) fn raise() {
    scb::pend();
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

/// Whether one that is raised comes: not in a handler, which another of the same priority does not interrupt.
pub(crate) fn are_enabled() -> bool {
    let (primask, ipsr): (u32, u32);
    // SAFETY: reads registers.
    unsafe {
        asm!(
            "mrs {}, primask",
            "mrs {}, ipsr",
            out(reg) primask,
            out(reg) ipsr,
            options(nomem, nostack, preserves_flags),
        );
    }
    primask | basepri() | ipsr == 0
}

#[cfg(target_has_atomic = "ptr")]
fn basepri() -> u32 {
    let basepri: u32;
    // SAFETY: reads a register.
    unsafe { asm!("mrs {}, basepri", out(reg) basepri, options(nomem, nostack, preserves_flags)) };
    basepri
}

/// v6-M, which has no compare-and-swap either, has no such register.
#[cfg(not(target_has_atomic = "ptr"))]
fn basepri() -> u32 {
    0
}

/// There are no others: all are masked.
#[cfg(not(target_has_atomic = "ptr"))]
pub(crate) fn mask_others(masked: bool) {
    if masked { disable() } else { enable() }
}

/// BASEPRI, which masks by priority.
#[cfg(target_has_atomic = "ptr")]
pub(crate) fn mask_others(masked: bool) {
    let priority = if masked { scb::PRIORITY } else { 0 };
    // SAFETY: masks or unmasks interrupts, as above.
    unsafe { asm!("msr basepri, {}", "isb", in(reg) priority, options(nostack, preserves_flags)) };
}
