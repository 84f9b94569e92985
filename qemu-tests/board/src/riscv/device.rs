//! Registers of devices, by their addresses.

use core::ptr;

pub(super) fn load(register: usize) -> u32 {
    let register: *const u32 = ptr::with_exposed_provenance(register);
    // SAFETY: the board's drivers name registers of devices that the machine has; reading touches no memory.
    unsafe { register.read_volatile() }
}

pub(super) fn store(register: usize, value: u32) {
    let register: *mut u32 = ptr::with_exposed_provenance_mut(register);
    // SAFETY: a register of a device that the machine has; it touches no memory.
    unsafe { register.write_volatile(value) }
}
