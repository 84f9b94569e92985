//! Questions about a processor that does not exist: it has a stack pointer, and the defaults for everything else.

extern crate std;

use crate::arch::{Cpu, Native};
use core::cell::Cell;
use core::ptr;

std::thread_local! {
    /// The stack pointer that this thread reports: one frame below the base of its greenlet's stack. It never moves.
    static STACK: Cell<*mut u8> = const { Cell::new(ptr::null_mut()) };
}

/// Sets the stack pointer that this thread reports.
pub(super) fn set_stack_pointer(sp: *mut u8) {
    STACK.set(sp);
}

impl Cpu for Native {
    fn stack_pointer() -> *mut u8 {
        STACK.get()
    }

    /// In Rust: no frames are in this memory, and all of it was written to.
    unsafe fn first_mismatch(word: usize, start: *const usize, end: *const usize) -> *const usize {
        let mut at = start;
        // SAFETY: by the contract.
        while at != end && unsafe { *at } == word {
            at = at.wrapping_add(1);
        }
        at
    }
}
