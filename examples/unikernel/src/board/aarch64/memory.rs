//! Translation: RAM one to one, with pages of 2 MiB, and addresses for stacks, with pages of 4 KiB.
//!
//! ```text
//!   ROOT ─► devices: 1 GiB
//!           BLOCKS ─► RAM: 2 MiB each
//!                     STACKS ─► frames of RAM, for the pages that are in use: 4 KiB each
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
/// Where RAM begins.
const RAM: usize = 1 << 30;

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

/// The last 2 MiB of the gigabyte: the region `GREENLET_STACKS` of the linker script.
static STACKS: Pages = Pages([const { AtomicUsize::new(0) }; 512]);

static BLOCKS: Table = {
    let mut blocks = [without_provenance(0); 512];
    let mut block = 0;
    while block < 511 {
        blocks[block] = without_provenance((RAM + block * BLOCK) | NORMAL | IS_BLOCK);
        block += 1;
    }
    blocks[511] = (&raw const STACKS).cast::<()>().wrapping_byte_add(IS_TABLE);
    Table(blocks)
};

static ROOT: Table = {
    let mut gigabytes = [without_provenance(0); 512];
    gigabytes[0] = without_provenance(DEVICE | IS_BLOCK);
    gigabytes[1] = (&raw const BLOCKS).cast::<()>().wrapping_byte_add(IS_TABLE);
    Table(gigabytes)
};

enable_mmu!(ROOT, aarch64_rt::DEFAULT_MAIR, aarch64_rt::DEFAULT_SCTLR, aarch64_rt::DEFAULT_TCR);

/// Maps a page of the region of stacks, which has no memory yet, to a frame of RAM.
pub(in crate::board) fn map(page: usize, frame: usize) {
    STACKS.0[page / PAGE % 512].store(frame | NORMAL | NO_EXECUTE | IS_PAGE, Relaxed);
    // The core caches no entry that is not valid, so there is nothing to forget.
    barrier::dsb(barrier::ISHST);
    barrier::isb(barrier::SY);
}
