//! What is the same for every way to boot.

use core::arch::asm;

use aarch64_cpu::registers::{DAIF, Readable};

/// Starts PMCCNTR_EL0, at one a cycle. QEMU's cycle takes a nanosecond.
pub(crate) fn count_cycles() {
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

pub(crate) fn enable() {
    // SAFETY: unmasks interrupts: their vector resumes the interrupted code, with every register as it was.
    // Not `nomem`: what the handler changes is looked at after it.
    unsafe { asm!("msr daifclr, #2", "isb", options(nostack, preserves_flags)) };
}

pub(crate) fn disable() {
    // SAFETY: masks interrupts. Not `nomem`, as above.
    unsafe { asm!("msr daifset, #2", options(nostack, preserves_flags)) };
}

pub(crate) fn are_enabled() -> bool {
    !DAIF.is_set(DAIF::I)
}

/// Masks or unmasks FIQs and SErrors, of which no source is enabled here.
pub(crate) fn mask_others(masked: bool) {
    if masked {
        // SAFETY: as in `disable`.
        unsafe { asm!("msr daifset, #5", options(nostack, preserves_flags)) };
    } else {
        // SAFETY: as in `enable`; the vectors of both kinds report what arrives.
        unsafe { asm!("msr daifclr, #5", options(nostack, preserves_flags)) };
    }
}
