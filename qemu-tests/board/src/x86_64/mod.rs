//! QEMU's `q35` and `microvm` machines.
//!
//! Runs in long mode at privilege level 0. Every exception and interrupt switches to a stack of its own, so that a
//! guest may put its stack pointer wherever it likes, and an exception is reported all the same.

mod boot;
pub(crate) mod cores;
pub(crate) mod frames;
pub(crate) mod interrupts;
mod paging;
mod processor;
pub(crate) mod resume;
mod segments;
pub(crate) mod serial;
pub(crate) mod steps;
pub(crate) mod timer;
mod vectors;

pub use self::processor::instructions;
pub(crate) use self::processor::{halt, leave};
use crate::{memory, run};

/// Where `_start` arrives: on the guest's stack, in long mode, with SSE on.
extern "C" fn start() -> ! {
    serial::init();
    segments::init(0, memory::exception_stack(), memory::emergency_stack());
    vectors::init();
    vectors::load();
    paging::init();
    run()
}
