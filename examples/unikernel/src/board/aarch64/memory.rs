//! Translation: memory one to one, with pages of 4 KiB where the image is, so that single ones can be taken out.
//!
//! ```text
//!   ROOT ─► devices: 1 GiB
//!           BLOCKS ─► PAGES ─► the image: 4 KiB each
//!                     the rest of RAM: 2 MiB each
//! ```
//!
//! aarch64-rt's start-up code turns it on. The attributes are those of its MAIR: 0 is device memory, 1 is memory with
//! write-back caches.

use aarch64_cpu::asm::barrier;
use aarch64_rt::enable_mmu;
use core::ptr::without_provenance;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const PAGE: usize = 4096;
/// What an entry of `BLOCKS` covers.
const BLOCK: usize = 512 * PAGE;
/// Where RAM begins. The linker script has the same numbers.
const RAM: usize = 1 << 30;
const IMAGE: usize = 16 << 20;

const IS_BLOCK: usize = 0b01;
const IS_TABLE: usize = 0b11;
const IS_PAGE: usize = 0b11;
const ACCESSED: usize = 1 << 10;
const INNER_SHAREABLE: usize = 0b11 << 8;
const NO_EXECUTE: usize = 0b11 << 53;
const DEVICE: usize = ACCESSED | NO_EXECUTE;
const NORMAL: usize = ACCESSED | INNER_SHAREABLE | 1 << 2;

/// A table whose entries may be addresses of other tables, which only the linker has: an entry is such an address with
/// low bits added.
#[repr(C, align(4096))]
struct Table([*const (); 512]);
// SAFETY: nothing reads or writes through the pointers.
unsafe impl Sync for Table {}

#[repr(C, align(4096))]
struct Pages([AtomicUsize; 512]);

static PAGES: [Pages; IMAGE / BLOCK] = {
    let mut pages = [const { Pages([const { AtomicUsize::new(0) }; 512]) }; IMAGE / BLOCK];
    let mut page = 0;
    while page < IMAGE / PAGE {
        pages[page / 512].0[page % 512] = AtomicUsize::new((RAM + page * PAGE) | NORMAL | IS_PAGE);
        page += 1;
    }
    pages
};

static BLOCKS: Table = {
    let mut blocks = [without_provenance(0); 512];
    let mut block = 0;
    while block < 512 {
        blocks[block] = if block < PAGES.len() {
            (&raw const PAGES[block]).cast::<()>().wrapping_byte_add(IS_TABLE)
        } else {
            without_provenance((RAM + block * BLOCK) | NORMAL | IS_BLOCK)
        };
        block += 1;
    }
    Table(blocks)
};

static ROOT: Table = {
    let mut gigabytes = [without_provenance(0); 512];
    gigabytes[0] = without_provenance(DEVICE | IS_BLOCK);
    gigabytes[1] = (&raw const BLOCKS).cast::<()>().wrapping_byte_add(IS_TABLE);
    Table(gigabytes)
};

enable_mmu!(ROOT, aarch64_rt::DEFAULT_MAIR, aarch64_rt::DEFAULT_SCTLR, aarch64_rt::DEFAULT_TCR);

/// Takes the memory away from a page of the image.
pub(in crate::board) fn unmap(page: usize) {
    let number = (page - RAM) / PAGE;
    PAGES[number / 512].0[number % 512].store(0, Relaxed);
    barrier::dsb(barrier::ISHST);
    // SAFETY: forgets what the core has cached of the page, which nothing uses. Other pages stay as they are.
    unsafe { core::arch::asm!("tlbi vaae1, {}", in(reg) page / PAGE, options(nostack, preserves_flags)) };
    barrier::dsb(barrier::ISH);
    barrier::isb(barrier::SY);
}
