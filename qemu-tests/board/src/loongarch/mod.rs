//! QEMU's `virt` with a LoongArch processor, without firmware.
//!
//! Runs at PLV0 and with addresses that are not translated. So no memory is protected: there is RAM at address zero and
//! below the stacks, and code can be overwritten. Exceptions and interrupts are handled on stacks of their own, which
//! the register SAVE0 points to.

mod boot;
#[path = "../arm/cores.rs"]
pub(crate) mod cores;
pub(crate) mod frames;
pub(crate) mod interrupts;
mod protection;
#[path = "../riscv/resume.rs"]
pub(crate) mod resume;
#[path = "../riscv/serial.rs"]
pub(crate) mod serial;
#[path = "../arm/steps.rs"]
pub(crate) mod steps;
pub(crate) mod timer;
mod traps;

use core::arch::asm;
use core::ptr;

use crate::run;

/// Where the UART is.
const UART: usize = 0x1fe0_01e0;

/// Where `_start` arrives: on the guest's stack, with floating point on and exceptions caught.
extern "C" fn start() -> ! {
    serial::init();
    run()
}

/// How many instructions the machine has executed, under `-icount shift=0`, to some ten: no counter of QEMU's is finer.
#[inline(always)]
pub fn instructions() -> u64 {
    timer::counter() * timer::TICK
}

/// Ends QEMU, by the device for ACPI's power states. It passes no status on: the runner goes by the transcript.
pub(crate) fn leave(_status: u8) -> ! {
    const SLEEP_CONTROL: usize = 0x100e_001c;
    /// The state S5, and the bit that enters it.
    const OFF: u8 = 5 << 2 | 1 << 5;

    let register: *mut u8 = ptr::with_exposed_provenance_mut(SLEEP_CONTROL);
    // SAFETY: a register of a device that the machine has; it touches no memory.
    unsafe { register.write_volatile(OFF) };
    halt()
}

/// Sleeps for good.
pub(crate) fn halt() -> ! {
    loop {
        // SAFETY: sleeps.
        unsafe { asm!("idle 0", options(nomem, nostack, preserves_flags)) };
    }
}
