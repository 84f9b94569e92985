//! From aarch64-rt's start-up code to `main`, on two stacks.
//!
//! aarch64-rt enters Rust on SP_EL1, and would take exceptions on the stack of the code that they interrupt. Greenlets
//! run on SP_EL0 instead, and exceptions are taken on SP_EL1, which has a stack of its own. So the stack of a greenlet needs no
//! room for handlers.

use aarch64_rt::{InitialPagetable, Stack, entry, initial_pagetable};
use blocks::{DEVICE, NORMAL};
use core::arch::naked_asm;

const GIB: usize = 1 << 30;

/// Descriptors of blocks of 1 GiB, by the attributes of aarch64-rt's MAIR.
mod blocks {
    const BLOCK: usize = 0b01;
    const ACCESSED: usize = 1 << 10;
    const INNER_SHAREABLE: usize = 0b11 << 8;
    const NO_EXECUTE: usize = 0b11 << 53;
    pub(super) const DEVICE: usize = BLOCK | ACCESSED | NO_EXECUTE;
    pub(super) const NORMAL: usize = BLOCK | ACCESSED | INNER_SHAREABLE | 1 << 2;
}

// Attribute 0 of aarch64-rt's default MAIR is device memory, attribute 1 is memory with write-back caches.
initial_pagetable!({
    let mut table = [0; 512];
    table[0] = DEVICE;
    table[1] = NORMAL | GIB;
    InitialPagetable(table)
});

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
