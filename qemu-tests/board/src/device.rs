//! Registers of devices in memory, by their addresses, which are mapped one to one or not at all.

use core::ptr;

pub(crate) fn load(register: usize) -> u32 {
    let register: *const u32 = ptr::with_exposed_provenance(register);
    // SAFETY: the board's drivers name registers of devices that the machine has; reading touches no memory.
    unsafe { register.read_volatile() }
}

pub(crate) fn store(register: usize, value: u32) {
    let register: *mut u32 = ptr::with_exposed_provenance_mut(register);
    // SAFETY: a register of a device that the machine has; it touches no memory.
    unsafe { register.write_volatile(value) }
}
