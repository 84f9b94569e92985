//! The channel for what is logged: the semihosting console, byte by byte.

use core::arch::asm;

/// Writes `bytes` to where QEMU's semihosting has its console: a file, or standard error.
///
/// Without `-semihosting-config enable=on` this is a breakpoint.
pub fn write(bytes: &[u8]) {
    /// The operation SYS_WRITEC.
    const WRITE_CHARACTER: usize = 0x03;

    for byte in bytes {
        // SAFETY: a semihosting call, which is these three instructions, uncompressed and in one page: the operation in
        // a0, the address of the byte in a1. It reads that byte and changes a0.
        unsafe {
            asm!(
                ".option push",
                ".option norvc",
                ".balign 16",
                "slli x0, x0, 0x1f",
                "ebreak",
                "srai x0, x0, 7",
                ".option pop",
                inlateout("a0") WRITE_CHARACTER => _,
                in("a1") &raw const *byte,
                options(nostack, readonly),
            );
        }
    }
}
