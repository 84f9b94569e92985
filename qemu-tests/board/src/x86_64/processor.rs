//! What is the same for every way to boot.

use core::arch::asm;

use ::x86_64::instructions::interrupts;
use ::x86_64::instructions::port::PortWriteOnly;

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

pub(crate) fn enable() {
    // A second instruction: interrupts are let through after the one that follows `sti`.
    // SAFETY: unmasks interrupts: their gate resumes the interrupted code, with every register as it was. The flags are
    // not preserved. Not `nomem`: what the handler changes is looked at after it.
    unsafe { asm!("sti", "nop", options(nostack)) };
}

pub(crate) fn disable() {
    interrupts::disable();
}

pub(crate) fn are_enabled() -> bool {
    interrupts::are_enabled()
}

/// RFLAGS.IF masks every kind of interrupt there is.
pub(crate) fn mask_others(masked: bool) {
    if masked { disable() } else { enable() }
}
