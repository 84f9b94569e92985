//! Paging: memory one to one, nothing at address zero.
//!
//! The boot code mapped a gigabyte by 2 MiB pages. Here, what is not RAM is taken out, and the part with the image in
//! it gets pages of 4 KiB, so that single ones can be read-only or missing. The console is reached by ports, not by
//! memory; the local APIC is the one device that is mapped.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use ::x86_64::VirtAddr;
use ::x86_64::instructions::tlb;
use ::x86_64::structures::paging::PageTableFlags;

use super::interrupts::LOCAL_APIC;
use crate::memory::{self, PAGE};

/// A table of the last two levels: 512 entries.
#[repr(C, align(4096))]
struct Table([AtomicU64; 512]);

impl Table {
    const fn new() -> Self {
        Self([const { AtomicU64::new(NOT_PRESENT) }; 512])
    }

    fn set(&self, index: usize, entry: u64) {
        self.0[index].store(entry, Relaxed);
    }
}

/// What the boot code mapped.
const GIGABYTE: usize = 1 << 30;
/// What an entry of the last level but one covers.
const LARGE_PAGE: usize = 1 << 21;

const NOT_PRESENT: u64 = 0;
const TABLE: u64 = PageTableFlags::PRESENT.union(PageTableFlags::WRITABLE).bits();
const CONSTANT: u64 = PageTableFlags::PRESENT.bits();
const DATA: u64 = TABLE | PageTableFlags::NO_EXECUTE.bits();
const LARGE_DATA: u64 = DATA | PageTableFlags::HUGE_PAGE.bits();
const LARGE_DEVICE: u64 = LARGE_DATA | PageTableFlags::NO_CACHE.bits();

/// Room for small pages for the largest image: up to `input_start`.
const MOST_SPLIT: usize = 32;

static SMALL_PAGES: [Table; MOST_SPLIT] = [const { Table::new() }; MOST_SPLIT];

/// The gigabyte with the local APIC in it, and nothing else.
static APIC_PAGES: Table = Table::new();

unsafe extern "C" {
    /// The entries by gigabytes, in the boot code's tables.
    safe static boot_gigabytes: Table;
    /// The entries for the first gigabyte, by 2 MiB pages, in the boot code's tables.
    safe static boot_pages: Table;
}

/// Splits the large pages up to the end of the image, and takes out page 0 and those that guard a stack.
pub(super) fn init() {
    let split = memory::end_of_image().div_ceil(LARGE_PAGE);
    for (index, table) in SMALL_PAGES[..split].iter().enumerate() {
        fill(table, index * LARGE_PAGE);
    }
    take_out(0);
    for guard in memory::guard_pages() {
        take_out(guard);
    }

    for (index, table) in SMALL_PAGES[..split].iter().enumerate() {
        boot_pages.set(index, (&raw const *table).addr() as u64 | TABLE);
    }
    for index in split..memory::input_area().end / LARGE_PAGE {
        boot_pages.set(index, (index * LARGE_PAGE) as u64 | LARGE_DATA);
    }
    for index in memory::input_area().end / LARGE_PAGE..GIGABYTE / LARGE_PAGE {
        boot_pages.set(index, NOT_PRESENT);
    }

    let apic_page = LOCAL_APIC / LARGE_PAGE * LARGE_PAGE;
    APIC_PAGES.set(apic_page % GIGABYTE / LARGE_PAGE, apic_page as u64 | LARGE_DEVICE);
    boot_gigabytes.set(apic_page / GIGABYTE, (&raw const APIC_PAGES).addr() as u64 | TABLE);
    tlb::flush_all();
}

/// Fills the table for the large page that begins at `start`.
fn fill(table: &Table, start: usize) {
    let constants = memory::constants();
    for (index, page) in (start..start + LARGE_PAGE).step_by(PAGE).enumerate() {
        let kind = if constants.contains(&page) { CONSTANT } else { DATA };
        table.set(index, page as u64 | kind);
    }
}

/// Takes out a page of the image. No other core runs yet.
pub(crate) fn unmap(page: usize) {
    take_out(page);
    tlb::flush(VirtAddr::new(page as u64));
}

fn take_out(page: usize) {
    SMALL_PAGES[page / LARGE_PAGE].set(page % LARGE_PAGE / PAGE, NOT_PRESENT);
}
