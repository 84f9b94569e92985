//! The least firmware that has stacks apart: 8 KiB of them, and 8 KiB that are not.
#![no_std]
#![no_main]
#![allow(non_upper_case_globals, reason = "`greenlet_stacks_mark` is a symbol that the linker script uses")]

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;

#[repr(align(64))]
struct Memory(UnsafeCell<[MaybeUninit<u8>; 8192]>);

// SAFETY: nothing runs this.
unsafe impl Sync for Memory {}

/// Where `greenlet::stack_pool!` puts stacks.
#[unsafe(link_section = ".sbss.greenlet_stacks")]
static STACKS: Memory = Memory(UnsafeCell::new([MaybeUninit::uninit(); 8192]));
/// As the crate has it.
#[cfg(marked)]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".sbss.greenlet_stacks")]
static greenlet_stacks_mark: [u8; 0] = [];
static OTHERS: Memory = Memory(UnsafeCell::new([MaybeUninit::uninit(); 8192]));

unsafe extern "C" {
    /// As a pool of `greenlet::stack_pool!` has it.
    static stack_pool_needs_greenlet_x_in_the_linker_script: u8;
}

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    let fragment = &raw const stack_pool_needs_greenlet_x_in_the_linker_script;
    // SAFETY: nothing runs this.
    unsafe { OTHERS.0.get().cast::<*const u8>().write_volatile(fragment) };
    for memory in [&STACKS, &OTHERS] {
        // SAFETY: nothing runs this.
        unsafe { memory.0.get().write_volatile([MaybeUninit::uninit(); 8192]) };
    }
    loop {}
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
