//! Time: the counter of the processor, and the timer of the local APIC. Both are measured with the PIT.

use super::interrupts::{set_timer, timer_left};
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use x86_64::instructions::port::Port;

/// Units of the processor's counter in a tick, so that ticks per second fit into 32 bits.
const UNITS: u64 = 16;

/// Ticks, and units of the APIC's timer, in a second.
static TICKS: AtomicU32 = AtomicU32::new(1);
static TIMER: AtomicU32 = AtomicU32::new(1);

/// The frequency of the PIT.
const PIT: u64 = 1_193_182;
/// How long one measurement takes, in units of the PIT. It wraps after 55 milliseconds.
const SPAN: u16 = 12_000;

pub(in crate::board) fn ticks() -> u64 {
    // SAFETY: every x86_64 has the counter.
    unsafe { core::arch::x86_64::_rdtsc() / UNITS }
}

pub(in crate::board) fn hertz() -> u32 {
    TICKS.load(Relaxed)
}

/// Sets the timer. For a time that has passed, or a time after more units than it can count, it interrupts too early.
pub(in crate::board) fn arm(at: Option<u64>) {
    let units = at.map_or(0, |at| {
        let ticks = at.saturating_sub(ticks());
        let units = u128::from(ticks) * u128::from(TIMER.load(Relaxed)) / u128::from(hertz()) + 1;
        u32::try_from(units).unwrap_or(u32::MAX)
    });
    set_timer(units);
}

/// Measures. Called once, with interrupts masked.
///
/// Several times, because a virtual processor may be stopped between two instructions: the median is not one of those
/// measurements.
pub(super) fn init() {
    // Channel 0, both bytes, counts down from 65,536, over and over.
    for (port, value) in [(0x43, 0x34), (0x40, 0), (0x40, 0)] {
        // SAFETY: a register of the PIT, which nothing else uses.
        unsafe { Port::<u8>::new(port).write(value) };
    }
    set_timer(u32::MAX);
    let measured = [(); 7].map(|()| measure());
    set_timer(0);
    for (what, frequency) in [(&TICKS, 0), (&TIMER, 1)] {
        let mut each = measured.map(|round| round[frequency]);
        each.sort_unstable();
        what.store(u32::try_from(each[each.len() / 2]).expect("a processor has less than 64 GHz"), Relaxed);
    }
}

/// Returns ticks, and units of the APIC's timer, in a second.
fn measure() -> [u64; 2] {
    let (first, began, left) = (pit(), ticks(), timer_left());
    loop {
        let units = first.wrapping_sub(pit());
        if units >= SPAN {
            return [ticks() - began, u64::from(left - timer_left())].map(|count| count * PIT / u64::from(units));
        }
    }
}

/// Reads the count of the PIT.
fn pit() -> u16 {
    // SAFETY: a register of the PIT, which nothing else uses: latches the count of channel 0.
    unsafe { Port::<u8>::new(0x43).write(0) };
    let mut data = Port::<u8>::new(0x40);
    // SAFETY: the low byte of the latched count.
    let low = unsafe { data.read() };
    // SAFETY: its high byte.
    u16::from_le_bytes([low, unsafe { data.read() }])
}
