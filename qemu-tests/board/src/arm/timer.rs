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
/// The same without an interrupt.
const SILENT: u32 = 0b101;
/// As many ticks as it has room for.
const MOST: u32 = (1 << 24) - 1;

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

/// How many phases of a tick there are: instructions that a tick takes, where they are counted.
pub fn phases() -> u32 {
    places().tick as u32
}

/// Begins to count [ticks], and takes so many instructions, and a few.
///
/// Ticks are coarse, and yet their sum over all [phases], each of which begins one instruction later, is exact: the
/// floors of (n + 0) / t, (n + 1) / t, ... (n + t - 1) / t add up to n (Hermite).
pub fn count_ticks(phase: u32) {
    device::store(CONTROL, 0);
    device::store(RELOAD, MOST);
    device::store(VALUE, 0);
    device::store(CONTROL, SILENT);
    wait(phase);
}

/// How many ticks there were since [`count_ticks`].
pub fn ticks() -> u32 {
    MOST - device::load(VALUE)
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
