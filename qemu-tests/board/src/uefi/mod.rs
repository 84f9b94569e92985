//! A program that UEFI firmware has loaded: OVMF on QEMU's `q35`, and its sibling on `virt`.
//!
//! The firmware stays: memory is mapped as it has it, exceptions and interrupts are its own. A guest begins with
//! interrupts masked, on a stack of the board's, and calls no function of the firmware. The console of the machine
//! belongs to the firmware, too, so the transcript takes the channel that other machines have for logs.

pub(crate) mod cores;
#[cfg_attr(target_arch = "aarch64", path = "../aarch64/frames.rs")]
#[cfg_attr(target_arch = "x86_64", path = "../x86_64/frames.rs")]
pub(crate) mod frames;
mod handed_in;
#[cfg_attr(target_arch = "aarch64", path = "aarch64.rs")]
#[cfg_attr(target_arch = "x86_64", path = "x86_64.rs")]
mod host;
pub(crate) mod interrupts;
#[cfg_attr(target_arch = "aarch64", path = "../aarch64/processor.rs")]
#[cfg_attr(target_arch = "x86_64", path = "../x86_64/processor.rs")]
mod processor;

pub use self::processor::instructions;
pub(crate) use self::processor::{halt, leave};
use crate::memory;

/// Where the firmware calls the program: the entry point that the linker looks for.
///
/// The two arguments, which are not used, are the handle of the program and the table of the firmware's functions.
// SAFETY: the linker's name for it; nothing else in a guest has this name.
#[unsafe(no_mangle)]
extern "efiapi" fn efi_main(_image: *const (), _system: *const ()) -> usize {
    processor::disable();
    host::on_stack(memory::guest_stack().end, start)
}

/// Where it continues, on the guest's stack.
extern "C" fn start() -> ! {
    host::init();
    handed_in::take();
    crate::run()
}

/// The transcript, by the channel of logs: there is one for both.
pub(crate) mod serial {
    pub(crate) use super::frames::write;

    /// Nothing: what is written has left.
    pub(crate) fn drain() {}
}

/// Interrupts after a time would be events of the firmware.
pub(crate) mod timer {
    use super::interrupts::refuse;

    /// Refuses.
    ///
    /// # Panics
    ///
    /// Always.
    pub(crate) fn set(_nanoseconds: u32) {
        refuse()
    }

    /// Nothing: none is set.
    pub(crate) fn stop() {}
}

/// Steps would be exceptions, which are the firmware's.
pub(crate) mod steps {
    pub(crate) use super::interrupts::refuse as start;

    /// Nothing: there are no steps.
    pub(crate) fn stop() {}
}

/// What an interrupt takes of a stack.
pub(crate) mod resume {
    /// None arrives in the board.
    pub const FRAME: usize = 0;
}
