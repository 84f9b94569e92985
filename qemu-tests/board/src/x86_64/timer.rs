//! The timer of the local APIC, once. QEMU's counts nanoseconds.

use super::interrupts::{LOCAL_APIC, VECTOR, store};

const TIMER: usize = LOCAL_APIC + 0x320;
const INITIAL_COUNT: usize = LOCAL_APIC + 0x380;
const DIVIDE: usize = LOCAL_APIC + 0x3e0;

/// Of DIVIDE: by one.
const BY_ONE: u32 = 0b1011;

/// Has the interrupt come after that time; at once, and none, are one nanosecond.
pub(crate) fn set(nanoseconds: u32) {
    store(DIVIDE, BY_ONE);
    store(TIMER, VECTOR as u32); // once, not masked
    store(INITIAL_COUNT, nanoseconds.max(1));
}

/// A count of zero stops it. One that the controller has taken already, while interrupts were masked, still comes.
pub(crate) fn stop() {
    store(INITIAL_COUNT, 0);
}
