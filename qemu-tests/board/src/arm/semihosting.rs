//! Requests to QEMU, by the breakpoint that it takes for one.

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

/// # Safety
///
/// `argument` is what `operation` reads.
unsafe fn call(operation: usize, argument: *const u8) {
    // SAFETY: changes r0 alone. Without semihosting this is a breakpoint.
    unsafe {
        asm!(
            "bkpt #0xab",
            inlateout("r0") operation => _,
            in("r1") argument,
            options(nostack, readonly, preserves_flags),
        );
    }
}
