//! QEMU's `mps2-an385`, `mps2-an386` and `mps2-an505`: boards of Arm's with a Cortex-M3, a Cortex-M4 and a Cortex-M33,
//! which starts and stays in the secure state.
//!
//! A guest runs in privileged thread mode on the process stack (PSP), exceptions on the main stack (MSP). The processor
//! stores eight words, and with floating point 18 more, on the stack of the interrupted code. When that cannot be, the
//! exception is reported all the same.

mod boot;
pub(crate) mod cores;
pub(crate) mod frames;
pub(crate) mod interrupts;
mod limit;
mod places;
mod protection;
pub(crate) mod resume;
mod scb;
mod semihosting;
pub(crate) mod serial;
pub(crate) mod steps;
pub(crate) mod timer;
mod traps;

use core::arch::asm;

use crate::{device, run};

/// Where `_start` arrives: on the guest's stack, with floating point on where there is some.
extern "C" fn start() -> ! {
    scb::init();
    protection::apply();
    serial::init();
    run()
}

/// How many instructions the machine has executed, under `-icount shift=0`, to some 50: no counter of QEMU's is finer.
/// It begins anew after three minutes.
#[inline(always)]
pub fn instructions() -> u64 {
    /// Of the board's inputs and outputs: a counter of its clock.
    const COUNTER: usize = 0x18;
    u64::from(device::load(places::places().io + COUNTER)) * places::places().tick as u64
}

/// Ends QEMU with `status`.
pub(crate) fn leave(status: u8) -> ! {
    semihosting::exit(status);
    halt()
}

/// Sleeps for good.
pub(crate) fn halt() -> ! {
    loop {
        // SAFETY: sleeps.
        unsafe { asm!("wfi", options(nomem, nostack, preserves_flags)) };
    }
}
