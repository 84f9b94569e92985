//! QEMU's `virt` machine, and its `raspi3b`, by an image that is linked for that.
//!
//! Runs at EL1 with the stack pointer SP_EL0; exceptions and interrupts are handled on SP_EL1, which nothing else uses.
//! So a guest may put its stack pointer wherever it likes, and an exception is reported all the same. A guest that
//! wants interrupts on its own stack runs on SP_EL1 itself, and its exceptions are reported on the emergency stack.

mod boot;
pub(crate) mod cores;
pub(crate) mod frames;
mod gic2;
mod gic3;
pub(crate) mod interrupts;
mod mmu;
mod processor;
mod raspi3b;
pub(crate) mod resume;
pub(crate) mod serial;
pub(crate) mod steps;
pub(crate) mod timer;
mod vectors;

pub use self::processor::instructions;
pub(crate) use self::processor::{halt, leave};
use crate::{device, run};

/// Where the UART is.
fn uart() -> usize {
    if raspi3b::is_it() { raspi3b::UART } else { 0x0900_0000 }
}

/// Where `_start` arrives: on the guest's stack, with floating point on and exceptions caught. The machine was entered
/// at the exception level `entered`.
extern "C" fn start(entered: u64) -> ! {
    cores::entered_at(entered);
    mmu::init();
    serial::init();
    processor::count_cycles();
    run()
}
