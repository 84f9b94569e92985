//! QEMU's `q35` and `microvm` machines.
//!
//! Runs in long mode at privilege level 0. Every exception and interrupt switches to a stack of its own, so that a
//! guest may put its stack pointer wherever it likes, and an exception is reported all the same.

mod boot;
pub(crate) mod cores;
pub(crate) mod frames;
pub(crate) mod interrupts;
mod paging;
pub(crate) mod resume;
mod segments;
pub(crate) mod serial;
pub(crate) mod steps;
pub(crate) mod timer;
mod vectors;

use core::arch::asm;

use ::x86_64::instructions::port::PortWriteOnly;

use crate::{memory, run};

/// Where `_start` arrives: on the guest's stack, in long mode, with SSE on.
extern "C" fn start() -> ! {
    serial::init();
    segments::init(0, memory::exception_stack(), memory::emergency_stack());
    vectors::init();
    vectors::load();
    paging::init();
    run()
}

/// How many instructions the machine has executed, under `-icount shift=0`: exact, the same in every run.
/// Otherwise ticks of the time stamp counter.
#[inline(always)]
pub fn instructions() -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: reads a counter. Not `nomem`: what is measured must not be moved across it.
    unsafe { asm!("rdtsc", out("eax") low, out("edx") high, options(nostack, preserves_flags)) };
    u64::from(high) << 32 | u64::from(low)
}

/// Ends QEMU with `status * 2 + 1`, by its device `isa-debug-exit`.
pub(crate) fn leave(status: u8) -> ! {
    const DEBUG_EXIT: u16 = 0xf4;

    // SAFETY: the device ends QEMU; where it is missing, nothing listens at this port.
    unsafe { PortWriteOnly::new(DEBUG_EXIT).write(u32::from(status)) };
    halt()
}

/// Sleeps for good.
pub(crate) fn halt() -> ! {
    loop {
        ::x86_64::instructions::hlt();
    }
}
