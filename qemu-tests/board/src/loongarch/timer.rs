//! The core's timer, once, and the counter beside it.

use core::arch::asm;

/// Nanoseconds of the counter's tick, and of the timer's.
pub(super) const TICK: u64 = 10;

/// Of TCFG: the timer counts down from the other bits, the lowest two of which are 0.
const ON: u64 = 1;

/// Ticks since the start.
#[inline(always)]
pub(super) fn counter() -> u64 {
    let ticks;
    // SAFETY: reads a counter. Not `nomem`: what is measured must not be moved across it.
    unsafe { asm!("rdtime.d {}, $zero", out(reg) ticks, options(nostack, preserves_flags)) };
    ticks
}

/// Has the interrupt come after that time, rounded up to four ticks.
pub(crate) fn set(nanoseconds: u32) {
    let ticks = u64::from(nanoseconds).div_ceil(TICK).next_multiple_of(4).max(4);
    configure(ticks | ON);
}

/// Stops it, and takes the interrupt back if it waits.
pub(crate) fn stop() {
    configure(0);
    // SAFETY: clears the timer's interrupt (TICLR).
    unsafe { asm!("csrwr {}, 0x44", inout(reg) 1_u64 => _, options(nostack, preserves_flags)) };
}

fn configure(word: u64) {
    // SAFETY: starts or stops the timer (TCFG). Its interrupt resumes the interrupted code.
    unsafe { asm!("csrwr {}, 0x41", inout(reg) word => _, options(nostack, preserves_flags)) };
}
