//! The console: a PL011 UART.

use super::{device, uart};

// Its registers, by their offsets.
const DATA: usize = 0x00;
const FLAGS: usize = 0x18;
const LINE_CONTROL: usize = 0x2c;
const CONTROL: usize = 0x30;

// FLAGS
const BUSY: u32 = 1 << 3;
const TRANSMIT_FIFO_EMPTY: u32 = 1 << 7;
// LINE_CONTROL
const EIGHT_BITS: u32 = 0b11 << 5;
const FIFO_ENABLE: u32 = 1 << 4;
// CONTROL
const UART_ENABLE: u32 = 1 << 0;
const TRANSMIT_ENABLE: u32 = 1 << 8;

/// Bytes in the transmit FIFO of the least of them.
const FIFO: usize = 16;

/// Turns the transmitter on. QEMU has no use for a baud rate.
pub(super) fn init() {
    store(LINE_CONTROL, EIGHT_BITS | FIFO_ENABLE);
    store(CONTROL, UART_ENABLE | TRANSMIT_ENABLE);
}

/// Sends `bytes`; returns when the last one is on its way.
///
/// Asks for room once for a whole FIFO, not for every byte: an access to a device costs as much as a thousand
/// instructions.
pub(crate) fn write(bytes: &[u8]) {
    for burst in bytes.chunks(FIFO) {
        while load(FLAGS) & TRANSMIT_FIFO_EMPTY == 0 {}
        for &byte in burst {
            store(DATA, byte.into());
        }
    }
}

/// Returns when everything has left.
pub(crate) fn drain() {
    while load(FLAGS) & BUSY != 0 {}
}

fn load(register: usize) -> u32 {
    device::load(uart() + register)
}

fn store(register: usize, value: u32) {
    device::store(uart() + register, value);
}
