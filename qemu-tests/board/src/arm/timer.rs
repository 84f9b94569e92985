//! The core's timer, SysTick, once.

use super::places::places;
use super::{device, scb};

const CONTROL: usize = 0xe000_e010;
const RELOAD: usize = 0xe000_e014;
const VALUE: usize = 0xe000_e018;

/// It runs, with an interrupt at zero, by the processor's clock.
const ON: u32 = 0b111;

/// Has the interrupt come after that time, rounded up to a tick.
///
/// # Panics
///
/// When that is more than the 24 bits of the timer.
pub(crate) fn set(nanoseconds: u32) {
    let ticks = nanoseconds.div_ceil(places().tick as u32).max(1);
    assert!(ticks < 1 << 24, "the timer of this machine has 24 bits, some {} ms", (places().tick << 24) / 1_000_000);
    device::store(CONTROL, 0);
    device::store(RELOAD, ticks);
    device::store(VALUE, 0);
    device::store(CONTROL, ON);
}

/// Stops it, and takes the interrupt back if it waits.
pub(crate) fn stop() {
    device::store(CONTROL, 0);
    scb::unpend_timer();
}
