//! Memory to hand out, which is not given back. The linker script has it outside of `.bss`.

use core::mem::MaybeUninit;
use core::ptr;
#[cfg(target_has_atomic = "ptr")]
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
#[cfg(not(target_has_atomic = "ptr"))]
use portable_atomic::{AtomicUsize, Ordering::Relaxed};

unsafe extern "C" {
    /// Where it begins, aligned to 64 bytes.
    static memory_start: MaybeUninit<u8>;
    /// Where it ends.
    static memory_end: MaybeUninit<u8>;
}

/// Bytes that were handed out.
static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// Memory that is handed out once, aligned to 64 bytes; `None` when there is not so much left.
pub fn memory(bytes: usize) -> Option<&'static mut [MaybeUninit<u8>]> {
    let start = (&raw const memory_start).cast_mut();
    let room = (&raw const memory_end).addr() - start.addr();
    let next = |taken: usize| taken.checked_add(bytes)?.checked_next_multiple_of(64).filter(|&next| next <= room);
    let taken = TAKEN.fetch_update(Relaxed, Relaxed, next).ok()?;
    let memory = ptr::slice_from_raw_parts_mut(start.wrapping_add(taken), bytes);
    // SAFETY: between the two symbols there is nothing else, and what was taken is not handed out again.
    Some(unsafe { &mut *memory })
}
