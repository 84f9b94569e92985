//! The processor's part: how the program comes to its stack, and how it reads what the host hands in.

use core::arch::asm;
use core::ptr;

pub(super) use super::processor::count_cycles as init;

/// Continues in `start` on the stack with this base.
pub(super) fn on_stack(base: usize, start: extern "C" fn() -> !) -> ! {
    // SAFETY: nothing else uses that stack. `start` does not return, so what is on this stack stays there unused.
    unsafe { asm!("mov sp, {}", "blr {}", "brk #1", in(reg) base, in(reg) start, options(noreturn)) }
}

// Registers of QEMU's device `fw_cfg`, which the firmware uses, too, and has mapped.
const DATA: usize = 0x0902_0000;
const SELECTOR: usize = 0x0902_0008;

/// Selects an item of the device; [`read`] begins with its first byte.
pub(super) fn select(item: u16) {
    let register: *mut u16 = ptr::with_exposed_provenance_mut(SELECTOR);
    // SAFETY: a register of a device that the machine has; it touches no memory.
    unsafe { register.write_volatile(item.to_be()) };
}

/// Reads the next byte of the item, or 0 after its end.
pub(super) fn read() -> u8 {
    let register: *const u8 = ptr::with_exposed_provenance(DATA);
    // SAFETY: as above.
    unsafe { register.read_volatile() }
}
