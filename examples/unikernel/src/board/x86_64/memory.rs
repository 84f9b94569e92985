//! Pages of the image, which the start-up code has mapped one to one with 4 KiB each, so that single ones can be taken
//! out.

use super::boot::SMALL;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use x86_64::VirtAddr;
use x86_64::instructions::tlb;

const PAGE: usize = 4096;

unsafe extern "C" {
    /// The entries of the first pages, in the start-up code's tables.
    safe static boot_small_pages: [AtomicU64; SMALL * 512];
}

/// Takes the memory away from a page of the image.
pub(in crate::board) fn unmap(page: usize) {
    boot_small_pages[page / PAGE].store(0, Relaxed);
    tlb::flush(VirtAddr::new(page as u64));
}
