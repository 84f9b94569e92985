//! The allocator that the crate alloc needs.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr;

struct Memory;

// SAFETY: `memory` hands out each byte once, and as aligned as any layout may need here: to 64 bytes.
unsafe impl GlobalAlloc for Memory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let memory = if layout.align() <= 64 { crate::memory(layout.size()) } else { None };
        memory.map_or(ptr::null_mut(), |memory| memory.as_mut_ptr().cast())
    }

    unsafe fn dealloc(&self, _memory: *mut u8, _layout: Layout) {}
}

#[global_allocator]
static MEMORY: Memory = Memory;
