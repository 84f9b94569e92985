//! The console: a UART of Arm's system design kit (CMSDK).

use super::device;
use super::places::places;

// Its registers, by their offsets.
const DATA: usize = 0;
const STATE: usize = 4;
const CONTROL: usize = 8;
const BAUD_DIVIDER: usize = 16;

// STATE
const TRANSMIT_IS_FULL: u32 = 1 << 0;
// CONTROL
const TRANSMIT: u32 = 1 << 0;

/// Turns the transmitter on. It sends nothing with a divider below 16.
pub(super) fn init() {
    device::store(places().uart + BAUD_DIVIDER, 16);
    device::store(places().uart + CONTROL, TRANSMIT);
}

/// Sends `bytes`; returns when the last one is on its way.
pub(crate) fn write(bytes: &[u8]) {
    for &byte in bytes {
        drain();
        device::store(places().uart + DATA, byte.into());
    }
}

/// Returns when everything has left.
pub(crate) fn drain() {
    while device::load(places().uart + STATE) & TRANSMIT_IS_FULL != 0 {}
}
