//! The channel for what is logged: the semihosting console, byte by byte.

use super::semihosting;

/// Writes `bytes` to where QEMU's semihosting has its console: a file, or standard error.
pub fn write(bytes: &[u8]) {
    bytes.iter().for_each(semihosting::write);
}
