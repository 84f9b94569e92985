//! The memory protection unit. What no region allows faults: the page at zero, which has the vectors, and guard pages.
//!
//! ```text
//!   PMSAv7 (v7-M)                                 PMSAv8 (v8-M)
//!   0   RAM: read, write                          0   code and constants: read, execute
//!   1   code and constants: read, execute         1   devices: read, write
//!   2   devices: read, write                      2 ..  RAM between guard pages: read, write
//!   3 ..  a guard page each: nothing
//! ```
//!
//! In the one the highest region that has an address counts. In the other there is no region that allows nothing, and
//! none may overlap another.

use core::arch::asm;
use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::device::store;
use crate::memory::{self, PAGE};

/// Guard pages of a guest's own, beside that below its stack.
const GUARDS: usize = 4;

/// These pages, as they come; else 0.
static PAGES: [AtomicUsize; GUARDS] = [const { AtomicUsize::new(0) }; GUARDS];

const CONTROL: usize = 0xe000_ed94;
const NUMBER: usize = 0xe000_ed98;
const BASE: usize = 0xe000_ed9c;
/// Attributes and size, or the limit.
const ATTRIBUTES: usize = 0xe000_eda0;
/// PMSAv8: two kinds of memory.
const KINDS: usize = 0xe000_edc0;

/// Where the devices are, of all boards.
const DEVICES: Range<usize> = 0x4000_0000..0x6000_0000;

/// Takes a page out.
///
/// # Panics
///
/// When there is no region left.
pub(crate) fn take_out(page: usize) {
    let free = PAGES.iter().find(|entry| entry.load(Relaxed) == 0);
    let entry = free.unwrap_or_else(|| panic!("the board protects {GUARDS} pages of a guest, and no more"));
    entry.store(page, Relaxed);
    apply();
}

/// Sets the registers.
pub(super) fn apply() {
    let is_v8 = super::scb::is_v8();
    let mut guards = [0; GUARDS + 1];
    guards[0] = memory::guest_stack().start - PAGE;
    for (guard, page) in guards[1..].iter_mut().zip(&PAGES) {
        *guard = page.load(Relaxed);
    }
    guards.sort_unstable();
    let guards = guards.into_iter().filter(|&page| page != 0);
    // Off meanwhile: the default map allows everything that is done here.
    store(CONTROL, 0);
    if is_v8 {
        v8(guards)
    } else {
        v7(guards)
    }
    // On, with no map behind it; off in the handlers of hard faults.
    store(CONTROL, 1);
    // SAFETY: waits until that holds.
    unsafe { asm!("dsb", "isb", options(nostack, preserves_flags)) };
}

/// RAM: what is written to, and the input.
fn ram() -> Range<usize> {
    memory::constants().end..memory::input_area().end
}

fn v7(guards: impl Iterator<Item = usize>) {
    // Of a region's attributes: XN, AP, and TEX for ordinary memory that is not cached.
    const NO_EXECUTE: u32 = 1 << 28;
    const NOTHING: u32 = NO_EXECUTE;
    const WRITE: u32 = 0b001 << 24;
    const READ: u32 = 0b101 << 24;
    const MEMORY: u32 = 0b001 << 19;
    /// A region has the size of a power of two, and begins at a multiple of it.
    fn region(number: u32, range: Range<usize>, attributes: u32) {
        let size = range.len();
        assert!(size.is_power_of_two() && range.start.is_multiple_of(size), "{range:#x?} is no region");
        store(NUMBER, number);
        store(BASE, range.start as u32);
        store(ATTRIBUTES, attributes | (size.trailing_zeros() - 1) << 1 | 1);
    }
    let code = memory::constants();
    region(0, code.start..memory::input_area().end, WRITE | NO_EXECUTE | MEMORY);
    region(1, code, READ | MEMORY);
    region(2, DEVICES, WRITE | NO_EXECUTE);
    for (number, page) in guards.enumerate() {
        region(3 + number as u32, page..page + PAGE, NOTHING | MEMORY);
    }
}

fn v8(guards: impl Iterator<Item = usize>) {
    // Of a region: XN and AP, and which kind of memory.
    const NO_EXECUTE: u32 = 1;
    const READ: u32 = 0b10 << 1;
    const MEMORY: u32 = 0;
    const DEVICE: u32 = 1;
    fn region(number: u32, range: Range<usize>, access: u32, kind: u32) {
        store(NUMBER, number);
        store(BASE, range.start as u32 | access);
        store(ATTRIBUTES, (range.end as u32 - 32) | kind << 1 | 1);
    }
    // Ordinary memory that is not cached, and devices (nGnRE).
    store(KINDS, 0x04_44);
    region(0, memory::constants(), READ, MEMORY);
    region(1, DEVICES, NO_EXECUTE, DEVICE);
    let ram = ram();
    let (mut number, mut start) = (2, ram.start);
    for page in guards.chain([ram.end]) {
        if page > start {
            region(number, start..page, NO_EXECUTE, MEMORY);
            number += 1;
        }
        start = page + PAGE;
    }
}
