//! The console: a 16550 UART.

use core::ptr;

use super::UART;

// Its registers, by their offsets, of a byte each.
const DATA: usize = 0;
const FIFO_CONTROL: usize = 2;
const LINE_CONTROL: usize = 3;
const LINE_STATUS: usize = 5;

// FIFO_CONTROL
const FIFO_ENABLE: u8 = 1 << 0;
// LINE_CONTROL
const EIGHT_BITS: u8 = 0b11;
// LINE_STATUS
const TRANSMIT_FIFO_EMPTY: u8 = 1 << 5;
const IDLE: u8 = 1 << 6;

/// Bytes in the transmit FIFO.
const FIFO: usize = 16;

/// Turns the FIFO on. QEMU has no use for a baud rate.
pub(super) fn init() {
    store(LINE_CONTROL, EIGHT_BITS);
    store(FIFO_CONTROL, FIFO_ENABLE);
}

/// Sends `bytes`; returns when the last one is on its way.
///
/// Asks for room once for a whole FIFO, not for every byte: an access to a device costs as much as a thousand
/// instructions.
pub(crate) fn write(bytes: &[u8]) {
    for burst in bytes.chunks(FIFO) {
        while load(LINE_STATUS) & TRANSMIT_FIFO_EMPTY == 0 {}
        for &byte in burst {
            store(DATA, byte);
        }
    }
}

/// Returns when everything has left.
pub(crate) fn drain() {
    while load(LINE_STATUS) & IDLE == 0 {}
}

fn load(register: usize) -> u8 {
    let register: *const u8 = ptr::with_exposed_provenance(UART + register);
    // SAFETY: a register of the UART; reading touches no memory.
    unsafe { register.read_volatile() }
}

fn store(register: usize, value: u8) {
    let register: *mut u8 = ptr::with_exposed_provenance_mut(UART + register);
    // SAFETY: a register of the UART; it touches no memory.
    unsafe { register.write_volatile(value) }
}
