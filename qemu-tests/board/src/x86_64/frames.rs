//! The channel for what is logged: the debug console, a port that takes bytes.

use core::arch::asm;

/// QEMU's device `isa-debugcon`; where it is missing, nothing listens.
const PORT: u16 = 0xe9;

/// Writes `bytes` to the file behind the port.
pub fn write(bytes: &[u8]) {
    // SAFETY: reads `bytes` and sends them to the device, which always has room. The direction flag is clear, as the
    // ABI has it.
    unsafe {
        asm!(
            "rep outsb",
            in("dx") PORT,
            inout("rsi") bytes.as_ptr() => _,
            inout("rcx") bytes.len() => _,
            options(nostack, preserves_flags, readonly),
        );
    }
}
