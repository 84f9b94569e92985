//! The generic interrupt controller of version 2: all of it are registers in memory.

use super::device::{load, store};
use super::timer;

// The distributor, and the core's interface to it. Each core finds its own at this address.
const DISTRIBUTOR_CONTROL: usize = 0x0800_0000;
const DISTRIBUTOR_ENABLE: usize = DISTRIBUTOR_CONTROL + 0x100;
const DISTRIBUTOR_SGI: usize = DISTRIBUTOR_CONTROL + 0xf00;
const INTERFACE_CONTROL: usize = 0x0801_0000;
const INTERFACE_PRIORITY_MASK: usize = INTERFACE_CONTROL + 0x04;
const INTERFACE_ACKNOWLEDGE: usize = INTERFACE_CONTROL + 0x0c;
const INTERFACE_END: usize = INTERFACE_CONTROL + 0x10;

/// Of both CONTROL registers.
const ENABLE: u32 = 1 << 0;
/// Of PRIORITY_MASK: every priority goes through.
const EVERY_PRIORITY: u32 = 0xff;
/// Of SGI: to the core that writes.
const TO_SELF: u32 = 0b10 << 24;
/// Of ACKNOWLEDGE: the bits of the number. The others say which core sent it.
const NUMBER: u32 = 0x3ff;

/// Lets software generated interrupts through to this core, and those of its timer.
pub(super) fn init() {
    store(DISTRIBUTOR_CONTROL, ENABLE);
    store(DISTRIBUTOR_ENABLE, 1 << timer::NUMBER);
    store(INTERFACE_PRIORITY_MASK, EVERY_PRIORITY);
    store(INTERFACE_CONTROL, ENABLE);
}

/// Sends the interrupt `number` to this core.
pub(super) fn raise(number: u32) {
    store(DISTRIBUTOR_SGI, TO_SELF | number);
}

/// Which interrupt came; it may come again.
pub(super) fn take() -> u32 {
    let acknowledged = load(INTERFACE_ACKNOWLEDGE);
    store(INTERFACE_END, acknowledged);
    acknowledged & NUMBER
}
