//! Registers stacks with tools that watch memory, so that they recognise a switch.

use greenlet::Stack;

/// Tells of a stack that a new greenlet is about to use.
pub(crate) fn stack(stack: Stack) {
    #[cfg(target_arch = "x86_64")]
    valgrind::register(stack);
    #[cfg(feature = "asan")]
    asan::begins_anew(stack);
}

/// Valgrind takes a large change of the stack pointer for a switch if the stack is registered.
#[cfg(target_arch = "x86_64")]
mod valgrind {
    use core::arch::asm;
    use greenlet::Stack;
    use std::collections::BTreeSet;
    use std::sync::{Mutex, PoisonError};

    /// `VG_USERREQ__STACK_REGISTER`.
    const STACK_REGISTER: usize = 0x1501;

    /// The stacks that are registered already, by their limits: each is used over and over.
    static KNOWN: Mutex<BTreeSet<usize>> = Mutex::new(BTreeSet::new());

    pub(super) fn register(stack: Stack) {
        if !KNOWN.lock().unwrap_or_else(PoisonError::into_inner).insert(stack.limit) {
            return;
        }
        let request = [STACK_REGISTER, stack.limit, stack.base - 1, 0, 0, 0];
        let mut _number = 0_usize;
        // SAFETY: this is the form of a request to valgrind: instructions that change nothing, rotations by 128 in all
        // and an exchange of a register with itself. It reads the six words that rax points to, and leaves its answer
        // in rdx.
        unsafe {
            asm!(
                "rol rdi, 3",
                "rol rdi, 13",
                "rol rdi, 61",
                "rol rdi, 51",
                "xchg rbx, rbx",
                in("rax") request.as_ptr(),
                inout("rdx") _number,
            );
        }
    }
}

/// AddressSanitizer marks what surrounds the locals of a frame until the frame returns; the last frames of a greenlet
/// never do.
#[cfg(feature = "asan")]
mod asan {
    use greenlet::Stack;

    unsafe extern "C" {
        fn __asan_unpoison_memory_region(address: *const u8, bytes: usize);
    }

    pub(super) fn begins_anew(stack: Stack) {
        // SAFETY: part of AddressSanitizer's interface; nothing runs on this stack yet.
        unsafe { __asan_unpoison_memory_region(core::ptr::with_exposed_provenance(stack.limit), stack.size()) }
    }
}
