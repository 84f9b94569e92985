//! The channel for what is logged: the semihosting console, byte by byte.

use core::arch::asm;

/// Writes `bytes` to where QEMU's semihosting has its console: a file, or standard error.
pub fn write(bytes: &[u8]) {
    /// The operation SYS_WRITEC.
    const WRITE_CHARACTER: usize = 0x03;

    for byte in bytes {
        // SAFETY: a semihosting call: the operation in w0, the address of the byte in x1. It reads that byte and
        // changes x0.
        unsafe {
            asm!("hlt #0xf000", inlateout("x0") WRITE_CHARACTER => _, in("x1") &raw const *byte, options(nostack, readonly));
        }
    }
}
