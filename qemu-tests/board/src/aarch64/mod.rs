//! QEMU's `virt` machine, and its `raspi3b`, by an image that is linked for that.
//!
//! Runs at EL1 with the stack pointer SP_EL0; exceptions and interrupts are handled on SP_EL1, which nothing else uses.
//! So a guest may put its stack pointer wherever it likes, and an exception is reported all the same. A guest that
//! wants interrupts on its own stack runs on SP_EL1 itself, and its exceptions are reported on the emergency stack.

mod boot;
pub(crate) mod cores;
pub(crate) mod frames;
mod gic2;
mod gic3;
pub(crate) mod interrupts;
mod mmu;
mod raspi3b;
pub(crate) mod resume;
pub(crate) mod serial;
pub(crate) mod steps;
pub(crate) mod timer;
mod vectors;

use core::arch::asm;

use crate::{device, run};

/// Where `_start` arrives: on the guest's stack, with floating point on and exceptions caught. The machine was entered
/// at the exception level `entered`.
extern "C" fn start(entered: u64) -> ! {
    cores::entered_at(entered);
    mmu::init();
    serial::init();
    count_cycles();
    run()
}

/// Starts PMCCNTR_EL0, at one a cycle. QEMU's cycle takes a nanosecond.
fn count_cycles() {
    const ENABLE: u64 = 1 << 0; // PMCR_EL0.E: counters count
    const LONG: u64 = 1 << 6; // PMCR_EL0.LC: overflow at 64 bits
    const CYCLE_COUNTER: u64 = 1 << 31; // of PMCNTENSET_EL0

    // SAFETY: these registers count; nothing else depends on them. `virt` has a performance monitor by default.
    unsafe {
        asm!(
            "msr pmccfiltr_el0, xzr", // at every exception level
            "msr pmcr_el0, {control}",
            "msr pmcntenset_el0, {counter}",
            "isb",
            control = in(reg) ENABLE | LONG,
            counter = in(reg) CYCLE_COUNTER,
            options(nostack, preserves_flags),
        );
    }
}

/// How many instructions the machine has executed, under `-icount shift=0`: exact, the same in every run.
/// Otherwise nanoseconds.
#[inline(always)]
pub fn instructions() -> u64 {
    let cycles;
    // SAFETY: reads a counter. Not `nomem`: what is measured must not be moved across it.
    unsafe { asm!("mrs {}, pmccntr_el0", out(reg) cycles, options(nostack, preserves_flags)) };
    cycles
}

/// Ends QEMU with `status`, by semihosting.
///
/// Without `-semihosting-config enable=on` this is an illegal instruction.
pub(crate) fn leave(status: u8) -> ! {
    /// The operation SYS_EXIT_EXTENDED.
    const EXIT_EXTENDED: usize = 0x20;
    /// ADP_Stopped_ApplicationExit: the program ended, and the next word is its status.
    const APPLICATION_EXIT: usize = 0x2_0026;

    let block = [APPLICATION_EXIT, status.into()];
    // SAFETY: a semihosting call: the operation in w0, the address of its arguments in x1. It ends QEMU.
    unsafe {
        asm!("hlt #0xf000", inlateout("x0") EXIT_EXTENDED => _, in("x1") &raw const block, options(nostack, readonly));
    }
    halt()
}

/// Sleeps for good.
pub(crate) fn halt() -> ! {
    loop {
        // SAFETY: sleeps.
        unsafe { asm!("wfi", options(nomem, nostack, preserves_flags)) };
    }
}
