//! Interrupts, by the core's own interrupt controller, the local APIC: one vector, which the core sends to itself.
//!
//! An interrupt switches to the stack for exceptions, unless the guest has chosen the interrupted stack, and returns.
//! The processor masks interrupts meanwhile. An exception in a handler begins that stack anew, over the handler's
//! frames: it is reported, and control does not return to them.

use core::ptr;

use ::x86_64::instructions::port::PortWriteOnly;

pub(crate) use super::processor::{are_enabled, disable, enable, mask_others};
pub(crate) use super::vectors::on_own_stack;

// Registers of the local APIC, at its address after a reset.
pub(super) const LOCAL_APIC: usize = 0xfee0_0000;
const END_OF_INTERRUPT: usize = LOCAL_APIC + 0xb0;
const SPURIOUS_VECTOR: usize = LOCAL_APIC + 0xf0;
const COMMAND: usize = LOCAL_APIC + 0x300;
const COMMAND_TO: usize = LOCAL_APIC + 0x310;
const LINE_0: usize = LOCAL_APIC + 0x350;

/// Of SPURIOUS_VECTOR: the controller is on. The vector is one without a gate: an interrupt that is withdrawn before it
/// comes is reported, as a general protection fault. Ours never is.
const ENABLE: u32 = 1 << 8 | 0xff;
/// Of LINE_0, where the old interrupt controllers are: nothing comes from there.
const MASKED: u32 = 1 << 16;
/// Of COMMAND: a fixed vector, to the core that writes.
const TO_SELF: u32 = 0b01 << 18;

/// The masks of the old interrupt controllers, to which the firmware connected a timer.
const OLD_MASKS: [u16; 2] = [0x21, 0xa1];

/// The vector of interrupts, raised or by the timer: the first after the exceptions.
pub(super) const VECTOR: usize = 32;
pub(crate) const TIMER: u16 = VECTOR as u16;

/// Where it arrives, when all is saved: it came before the instruction at `rip`.
pub(super) extern "C" fn interrupt(rip: usize) {
    // Ended before it is handled: one that is raised by the handler waits until this one returns, and comes then.
    store(END_OF_INTERRUPT, 0);
    crate::interrupts::handle(rip);
}

/// Turns the local APIC on. Nothing reaches it but what this core sends, and its own timer.
pub(crate) fn init() {
    for mask in OLD_MASKS {
        // SAFETY: masks every line of that interrupt controller; where it is missing, nothing listens.
        unsafe { PortWriteOnly::<u8>::new(mask).write(0xff) };
    }
    store(SPURIOUS_VECTOR, ENABLE);
    store(LINE_0, MASKED);
}

/// Sends the interrupt to this core.
pub(crate) fn raise() {
    store(COMMAND, TO_SELF | VECTOR as u32);
}

/// Sends the `command` to another core, by the number of its local APIC; returns when it is sent.
pub(super) fn send(apic: usize, command: u32) {
    /// Of COMMAND: not accepted yet.
    const PENDING: u32 = 1 << 12;
    store(COMMAND_TO, (apic as u32) << 24);
    store(COMMAND, command);
    while load(COMMAND) & PENDING != 0 {}
}

fn load(register: usize) -> u32 {
    let register: *const u32 = ptr::with_exposed_provenance(register);
    // SAFETY: a register of the local APIC, which every processor has there, and which is mapped; reading changes
    // nothing.
    unsafe { register.read_volatile() }
}

pub(super) fn store(register: usize, value: u32) {
    let register: *mut u32 = ptr::with_exposed_provenance_mut(register);
    // SAFETY: a register of the local APIC, which every processor has there, and which is mapped; it touches no memory.
    unsafe { register.write_volatile(value) }
}
