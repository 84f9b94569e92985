//! QEMU's `virt` with a Cortex-A15, in Arm state.
//!
//! A guest runs in System mode. Each kind of exception has a mode, and so a stack pointer, of its own: interrupts are
//! handled on the stack for exceptions, aborts on the emergency stack. So a guest may put its stack pointer wherever it
//! likes, and an exception is reported all the same.

mod boot;
#[path = "../arm/cores.rs"]
pub(crate) mod cores;
#[path = "../arm/frames.rs"]
pub(crate) mod frames;
#[path = "../aarch64/gic2.rs"]
mod gic2;
pub(crate) mod interrupts;
#[path = "mmu.rs"]
mod protection;
#[path = "../riscv/resume.rs"]
pub(crate) mod resume;
#[path = "../arm/semihosting.rs"]
mod semihosting;
#[path = "../aarch64/serial.rs"]
pub(crate) mod serial;
#[path = "../arm/steps.rs"]
pub(crate) mod steps;
pub(crate) mod timer;
mod traps;

use core::arch::asm;

use crate::{device, run};

/// Where the UART is.
fn uart() -> usize {
    0x0900_0000
}

/// Where `_start` arrives: on the guest's stack, with exceptions caught.
extern "C" fn start() -> ! {
    protection::init();
    serial::init();
    run()
}

/// How many instructions the machine has executed, under `-icount shift=0`. Otherwise nanoseconds.
#[inline(always)]
pub fn instructions() -> u64 {
    timer::nanoseconds()
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
