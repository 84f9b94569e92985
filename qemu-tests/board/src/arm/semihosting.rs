//! Requests to QEMU, by the instruction that it takes for one: a breakpoint of Thumb code, a supervisor call of A32.

use core::arch::asm;

/// Operations, in r0.
const WRITE_CHARACTER: usize = 0x03;
const EXIT_EXTENDED: usize = 0x20;

/// Ends QEMU with `status`.
pub(super) fn exit(status: u8) {
    /// ADP_Stopped_ApplicationExit: the status counts.
    const APPLICATION_EXIT: usize = 0x2_0026;
    let block = [APPLICATION_EXIT, status.into()];
    // SAFETY: `block` is what the operation reads.
    unsafe { call(EXIT_EXTENDED, block.as_ptr().cast()) };
}

/// Writes a byte to the console of semihosting.
pub(super) fn write(byte: &u8) {
    // SAFETY: the operation reads the byte.
    unsafe { call(WRITE_CHARACTER, byte) };
}

/// Cortex-M, which is the one without atomics of 64 bits.
#[cfg(not(target_has_atomic = "64"))]
macro_rules! request {
    () => {
        "bkpt #0xab"
    };
}

#[cfg(target_has_atomic = "64")]
macro_rules! request {
    () => {
        "svc #0x123456"
    };
}

/// # Safety
///
/// `argument` is what `operation` reads.
unsafe fn call(operation: usize, argument: *const u8) {
    // SAFETY: changes r0 alone. Without semihosting it is an exception.
    unsafe {
        asm!(
            request!(),
            inlateout("r0") operation => _,
            in("r1") argument,
            options(nostack, readonly, preserves_flags),
        );
    }
}
