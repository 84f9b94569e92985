//! From aarch64-rt's start-up code to `main`, on two stacks.
//!
//! aarch64-rt enters Rust on SP_EL1, and would take exceptions on the stack of the code that they interrupt. Greenlets
//! run on SP_EL0 instead, and exceptions are taken on SP_EL1, which has a stack of its own. So the stack of a greenlet
//! needs no room for handlers.

use aarch64_rt::{Stack, entry};
use core::arch::naked_asm;

// Main's stack.
entry!(start, 8);

#[unsafe(link_section = ".stack.exceptions")]
static mut EXCEPTIONS: Stack<4> = Stack::new();

fn start(_: u64, _: u64, _: u64, _: u64) -> ! {
    let exceptions = (&raw mut EXCEPTIONS).wrapping_add(1);
    // SAFETY: called once, on SP_EL1, before there are interrupts. Nothing else refers to EXCEPTIONS.
    unsafe { on_two_stacks(begin, exceptions.cast()) }
}

extern "C" fn begin() -> ! {
    super::interrupts::init();
    crate::main()
}

/// Calls `main` with the present stack as SP_EL0, and sets SP_EL1 to `exceptions`.
///
/// # Safety
///
/// SP_EL1 is selected, and nothing else uses the memory below `exceptions`.
#[unsafe(naked)]
unsafe extern "C" fn on_two_stacks(main: extern "C" fn() -> !, exceptions: *mut u8) -> ! {
    naked_asm!("mov x2, sp", "msr sp_el0, x2", "mov sp, x1", "msr spsel, #0", "br x0")
}
