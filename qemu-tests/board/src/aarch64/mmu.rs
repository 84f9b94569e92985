//! Translation: memory one to one, devices and RAM told apart, nothing at address zero.
//!
//! ```text
//!   root ─► 1 GiB each: devices ─► 2 MiB blocks, from 0x0800_0000 on; below it is flash, that nobody needs
//!                       RAM ─────► 2 MiB blocks, but for the image: ─► 4 KiB pages, without those that guard a stack
//! ```
//!
//! Until translation is on, all of memory is device memory to the processor: no unaligned access, no atomic operation but
//! plain loads and stores. The targets' `strict-align` sees to the first.

use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use aarch64_cpu::asm::barrier;
use aarch64_cpu::registers::{
    ID_AA64MMFR0_EL1, MAIR_EL1, ReadWriteable, Readable, SCTLR_EL1, TCR_EL1, TTBR0_EL1, Writeable,
};

use crate::memory::{self, PAGE};

/// A table of any level: 512 descriptors.
#[repr(C, align(4096))]
struct Table([AtomicU64; 512]);

impl Table {
    const fn new() -> Self {
        Self([const { AtomicU64::new(INVALID) }; 512])
    }

    fn set(&self, index: usize, descriptor: u64) {
        self.0[index].store(descriptor, Relaxed);
    }

    /// The descriptor that leads from the level above to this table.
    fn descriptor(&'static self) -> u64 {
        (&raw const *self).addr() as u64 | TABLE
    }
}

/// What an entry of each level covers. A block is an entry of the middle level.
const GIGABYTE: usize = 1 << 30;
const BLOCK: usize = 1 << 21;

// Descriptors: bits 1:0 say what it is; AttrIndx is an index into MAIR_EL1.
const INVALID: u64 = 0;
const IS_BLOCK: u64 = 0b01;
const TABLE: u64 = 0b11;
const IS_PAGE: u64 = 0b11;
const ACCESSED: u64 = 1 << 10;
const INNER_SHAREABLE: u64 = 0b11 << 8;
const READ_ONLY: u64 = 1 << 7; // AP[2]
const NEVER_EXECUTE: u64 = 1 << 54 | 1 << 53; // UXN, PXN
const DEVICE: u64 = ATTRIBUTE_DEVICE << 2 | ACCESSED | NEVER_EXECUTE;
const NORMAL: u64 = ATTRIBUTE_NORMAL << 2 | ACCESSED | INNER_SHAREABLE;
const DATA: u64 = NORMAL | NEVER_EXECUTE;
const CONSTANT: u64 = NORMAL | READ_ONLY;

// Indices into MAIR_EL1.
const ATTRIBUTE_DEVICE: u64 = 0;
const ATTRIBUTE_NORMAL: u64 = 1;

/// Where the machine's devices begin, and where its RAM does.
const DEVICES: usize = 0x0800_0000;
const RAM: usize = 0x4000_0000;

/// Room for pages for the largest image: from the start of RAM to `input_start`.
const MOST_PAGED_BLOCKS: usize = 64;

static ROOT_TABLE: Table = Table::new();
static DEVICE_BLOCKS: Table = Table::new();
static RAM_BLOCKS: Table = Table::new();
static PAGES: [Table; MOST_PAGED_BLOCKS] = [const { Table::new() }; MOST_PAGED_BLOCKS];

/// Fills the tables and turns on translation and caches.
pub(super) fn init() {
    ROOT_TABLE.set(DEVICES / GIGABYTE, DEVICE_BLOCKS.descriptor());
    ROOT_TABLE.set(RAM / GIGABYTE, RAM_BLOCKS.descriptor());

    for index in DEVICES / BLOCK..GIGABYTE / BLOCK {
        DEVICE_BLOCKS.set(index, (index * BLOCK) as u64 | DEVICE | IS_BLOCK);
    }

    let paged = (memory::end_of_image() - RAM).div_ceil(BLOCK);
    for (index, table) in PAGES[..paged].iter().enumerate() {
        fill_pages(table, RAM + index * BLOCK);
        RAM_BLOCKS.set(index, table.descriptor());
    }
    for index in paged..(memory::input_area().end - RAM) / BLOCK {
        RAM_BLOCKS.set(index, (RAM + index * BLOCK) as u64 | DATA | IS_BLOCK);
    }

    for guard in memory::guard_pages() {
        PAGES[(guard - RAM) / BLOCK].set(guard % BLOCK / PAGE, INVALID);
    }

    turn_on();
}

/// Takes out a page of the image, for all cores.
pub(crate) fn take_out(page: usize) {
    PAGES[(page - RAM) / BLOCK].set(page % BLOCK / PAGE, INVALID);
    // SAFETY: forgets what was known of the translation of this page, when the table is written; other pages stay as they are.
    unsafe {
        asm!(
            "dsb ishst",
            "tlbi vaae1is, {}",
            "dsb ish",
            "isb",
            in(reg) page / PAGE,
            options(nostack, preserves_flags),
        );
    }
}

/// Fills the table of the block that begins at `start`.
fn fill_pages(table: &Table, start: usize) {
    let constants = memory::constants();
    for (index, page) in (start..start + BLOCK).step_by(PAGE).enumerate() {
        let kind = if constants.contains(&page) { CONSTANT } else { DATA };
        table.set(index, page as u64 | kind | IS_PAGE);
    }
}

/// Turns on translation and caches, by the tables that are filled.
pub(super) fn turn_on() {
    MAIR_EL1.write(
        MAIR_EL1::Attr0_Device::nonGathering_nonReordering_EarlyWriteAck
            + MAIR_EL1::Attr1_Normal_Outer::WriteBack_NonTransient_ReadWriteAlloc
            + MAIR_EL1::Attr1_Normal_Inner::WriteBack_NonTransient_ReadWriteAlloc,
    );
    TCR_EL1.write(
        // Addresses of 39 bits, so that the walk begins at the level whose entries cover a gigabyte.
        TCR_EL1::T0SZ.val(64 - 39)
            + TCR_EL1::TG0::KiB_4
            + TCR_EL1::SH0::Inner
            + TCR_EL1::ORGN0::WriteBack_ReadAlloc_WriteAlloc_Cacheable
            + TCR_EL1::IRGN0::WriteBack_ReadAlloc_WriteAlloc_Cacheable
            + TCR_EL1::IPS.val(ID_AA64MMFR0_EL1.read(ID_AA64MMFR0_EL1::PARange))
            // Nothing in the upper half.
            + TCR_EL1::EPD1::DisableTTBR1Walks,
    );
    TTBR0_EL1.set_baddr((&raw const ROOT_TABLE).addr() as u64);

    barrier::dsb(barrier::ISH);
    barrier::isb(barrier::SY);
    SCTLR_EL1.modify(SCTLR_EL1::M::Enable + SCTLR_EL1::C::Cacheable + SCTLR_EL1::I::Cacheable);
    barrier::isb(barrier::SY);
}
