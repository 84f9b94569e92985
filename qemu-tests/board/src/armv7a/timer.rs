//! The core's virtual timer, once. With a counter of 1 GHz, as a boot that counts instructions has it, to the
//! nanosecond.

use core::arch::asm;

/// The number of its interrupt.
pub(super) const NUMBER: u32 = 27;

/// Has the interrupt come after that time, rounded down to ticks of the counter.
pub(crate) fn set(nanoseconds: u32) {
    let ticks = u64::from(nanoseconds) * frequency() / 1_000_000_000;
    let at = counter() + ticks;
    // SAFETY: the comparator (CNTV_CVAL), then its control (CNTV_CTL); waits until that has taken effect.
    unsafe {
        asm!(
            "mcrr p15, 3, {low}, {high}, c14",
            "mcr p15, 0, {on}, c14, c3, 1",
            "isb",
            low = in(reg) at as u32,
            high = in(reg) (at >> 32) as u32,
            on = in(reg) 1,
            options(nostack, preserves_flags),
        );
    }
}

/// Stops it, and takes the interrupt back if it waits.
pub(crate) fn stop() {
    // SAFETY: as above.
    unsafe { asm!("mcr p15, 0, {}, c14, c3, 1", "isb", in(reg) 0, options(nostack, preserves_flags)) };
}

/// The time by the counter.
#[inline(always)]
pub(super) fn nanoseconds() -> u64 {
    counter() * u64::from(1_000_000_000 / frequency() as u32)
}

/// CNTVCT.
#[inline(always)]
fn counter() -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: reads a counter. Not `nomem`: what is measured must not be moved across it.
    unsafe {
        asm!("mrrc p15, 1, {}, {}, c14", out(reg) low, out(reg) high, options(nostack, preserves_flags));
    }
    u64::from(high) << 32 | u64::from(low)
}

/// CNTFRQ: ticks of the counter in a second.
#[inline(always)]
fn frequency() -> u64 {
    let hertz: u32;
    // SAFETY: reads a register.
    unsafe { asm!("mrc p15, 0, {}, c14, c0, 0", out(reg) hertz, options(nomem, nostack, preserves_flags)) };
    hertz.into()
}
