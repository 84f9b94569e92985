//! The core's timer, SysTick, once. Where instructions are counted, to the instruction, although its tick is tens of
//! nanoseconds: it counts from the moment that it is turned on.

use core::arch::asm;

use super::places::places;
use super::{device, scb};

const CONTROL: usize = 0xe000_e010;
const RELOAD: usize = 0xe000_e014;
const VALUE: usize = 0xe000_e018;

/// It runs, with an interrupt at zero, by the processor's clock.
const ON: u32 = 0b111;

/// Has the interrupt come after that time.
///
/// The timer is set to a whole number of ticks, and this waits until exactly that time is left.
///
/// # Panics
///
/// When that is more than the 24 bits of the timer.
pub(crate) fn set(nanoseconds: u32) {
    let tick = places().tick as u32;
    let ticks = nanoseconds.div_ceil(tick).max(1);
    assert!(ticks < 1 << 24, "the timer of this machine has 24 bits, some {} ms", (places().tick << 24) / 1_000_000);
    device::store(CONTROL, 0);
    device::store(RELOAD, ticks);
    device::store(VALUE, 0);
    device::store(CONTROL, ON);
    wait(ticks * tick - nanoseconds);
}

/// Takes so many instructions, and a few.
fn wait(instructions: u32) {
    // SAFETY: counts down, two instructions at a time; one more if the number is odd.
    unsafe {
        asm!(
            "lsrs {odd}, {left}, #1",
            "bcc 2f",
            "nop",
            "2:",
            "subs {left}, {left}, #2",
            "bge 2b",
            left = inout(reg) instructions as i32 => _,
            odd = out(reg) _,
            options(nomem, nostack),
        );
    }
}

/// Stops it, and takes the interrupt back if it waits.
pub(crate) fn stop() {
    device::store(CONTROL, 0);
    scb::unpend_timer();
}
