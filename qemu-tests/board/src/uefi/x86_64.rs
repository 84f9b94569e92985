//! The processor's part: how the program comes to its stack, and how it reads what the host hands in.

use core::arch::asm;

use ::x86_64::instructions::port::{PortReadOnly, PortWriteOnly};

/// Continues in `start` on the stack with this base.
pub(super) fn on_stack(base: usize, start: extern "C" fn() -> !) -> ! {
    // SAFETY: nothing else uses that stack. `start` is called as the ABI has it, 32 bytes for its arguments included;
    // it does not return, so what is on this stack stays there unused.
    unsafe { asm!("mov rsp, {}", "sub rsp, 32", "call {}", "ud2", in(reg) base, in(reg) start, options(noreturn)) }
}

/// Nothing: the counter runs.
pub(super) fn init() {}

// Ports of QEMU's device `fw_cfg`.
const SELECTOR: u16 = 0x510;
const DATA: u16 = 0x511;

/// Selects an item of the device; [`read`] begins with its first byte.
pub(super) fn select(item: u16) {
    // SAFETY: the device touches no memory.
    unsafe { PortWriteOnly::new(SELECTOR).write(item) };
}

/// Reads the next byte of the item, or 0 after its end.
pub(super) fn read() -> u8 {
    // SAFETY: as above.
    unsafe { PortReadOnly::new(DATA).read() }
}
