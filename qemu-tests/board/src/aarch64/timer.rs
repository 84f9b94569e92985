//! The core's virtual timer, once. With a counter of 1 GHz, as a boot that counts instructions has it, to the
//! nanosecond.

use core::arch::asm;

use aarch64_cpu::registers::{CNTFRQ_EL0, CNTV_CTL_EL0, CNTV_CVAL_EL0, CNTVCT_EL0, Readable, Writeable};

/// The number of its interrupt, on the machine `virt`.
pub(super) const NUMBER: u32 = 27;

/// Has the interrupt come after that time, rounded down to ticks of the counter.
pub(crate) fn set(nanoseconds: u32) {
    let ticks = u64::from(nanoseconds) * CNTFRQ_EL0.get() / 1_000_000_000;
    CNTV_CVAL_EL0.set(CNTVCT_EL0.get() + ticks);
    CNTV_CTL_EL0.write(CNTV_CTL_EL0::ENABLE::SET);
    // SAFETY: waits until that has taken effect.
    unsafe { asm!("isb", options(nostack, preserves_flags)) };
}

/// Stops it, and takes the interrupt back if it waits.
pub(crate) fn stop() {
    CNTV_CTL_EL0.write(CNTV_CTL_EL0::ENABLE::CLEAR);
    // SAFETY: as above.
    unsafe { asm!("isb", options(nostack, preserves_flags)) };
}
