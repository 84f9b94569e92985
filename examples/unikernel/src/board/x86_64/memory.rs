//! Pages of 4 KiB for stacks, in the region `GREENLET_STACKS` of the linker script. All else is mapped one to one, by the
//! start-up code.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

const PAGE: usize = 4096;

const PRESENT_AND_WRITABLE: u64 = 0b11;
const NO_EXECUTE: u64 = 1 << 63;

unsafe extern "C" {
    /// The entries of these pages, in the start-up code's tables.
    safe static boot_stack_pages: [AtomicU64; 512];
}

/// Maps a page of the region of stacks, which has no memory yet, to a frame of RAM. The core caches no entry that is not
/// present, so there is nothing to flush.
pub(in crate::board) fn map(page: usize, frame: usize) {
    boot_stack_pages[page / PAGE % 512].store(frame as u64 | PRESENT_AND_WRITABLE | NO_EXECUTE, Relaxed);
}
