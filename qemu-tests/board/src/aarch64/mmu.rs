//! Translation: memory one to one, devices and RAM with their memory types, nothing at address zero.
//!
//! ```text
//!   root ─► 1 GiB, twice ─► devices: 2 MiB blocks
//!                           RAM: 2 MiB blocks, but for the image: ─► 4 KiB pages, without those that guard a stack
//! ```
//!
//! `virt` has its devices in the first gigabyte and its RAM from the second on. A Raspberry Pi has RAM from zero on,
//! devices at the end of the same gigabyte, and those of the cores at the start of the next.
//!
//! Until translation is on, all of memory is device memory to the processor: no unaligned access, no atomic operation
//! but plain loads and stores. The targets' `strict-align` sees to the first.

use core::arch::asm;
use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use aarch64_cpu::asm::barrier;
use aarch64_cpu::registers::{
    ID_AA64MMFR0_EL1, MAIR_EL1, ReadWriteable, Readable, SCTLR_EL1, TCR_EL1, TTBR0_EL1, Writeable,
};

use super::raspi3b;
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

/// Where the machine's devices are: whole blocks of the first two gigabytes.
fn devices() -> [Range<usize>; 2] {
    if raspi3b::is_it() {
        [raspi3b::DEVICES, raspi3b::LOCAL_DEVICES..raspi3b::LOCAL_DEVICES + BLOCK]
    } else {
        // Below is flash, which no guest needs.
        [0x0800_0000..GIGABYTE, GIGABYTE..GIGABYTE]
    }
}

/// Where RAM begins: with the gigabyte that the image is in.
fn ram() -> usize {
    memory::constants().start / GIGABYTE * GIGABYTE
}

/// Room for pages for the largest image: from the start of RAM to `input_start`.
const MOST_PAGED_BLOCKS: usize = 64;

static ROOT_TABLE: Table = Table::new();
static BLOCKS: [Table; 2] = [const { Table::new() }; 2];
static PAGES: [Table; MOST_PAGED_BLOCKS] = [const { Table::new() }; MOST_PAGED_BLOCKS];

/// Fills the tables and turns on translation and caches.
pub(super) fn init() {
    for (gigabyte, table) in BLOCKS.iter().enumerate() {
        ROOT_TABLE.set(gigabyte, table.descriptor());
    }
    for address in devices().into_iter().flat_map(|devices| devices.step_by(BLOCK)) {
        set_block(address, address as u64 | DEVICE | IS_BLOCK);
    }

    let paged = (memory::end_of_image() - ram()).div_ceil(BLOCK);
    for (index, table) in PAGES[..paged].iter().enumerate() {
        let start = ram() + index * BLOCK;
        fill_pages(table, start);
        set_block(start, table.descriptor());
    }
    for address in (ram() + paged * BLOCK..memory::input_area().end).step_by(BLOCK) {
        set_block(address, address as u64 | DATA | IS_BLOCK);
    }

    if ram() == 0 {
        leave_out(0);
    }
    memory::guard_pages().into_iter().for_each(leave_out);

    turn_on();
}

fn set_block(address: usize, descriptor: u64) {
    BLOCKS[address / GIGABYTE].set(address % GIGABYTE / BLOCK, descriptor);
}

/// Unmaps a page of the image. A core that has cached the translation keeps it.
fn leave_out(page: usize) {
    PAGES[(page - ram()) / BLOCK].set(page % BLOCK / PAGE, INVALID);
}

/// Takes out a page of the image, for all cores.
pub(crate) fn take_out(page: usize) {
    leave_out(page);
    // SAFETY: forgets what was known of the translation of this page, when the table is written; other pages stay as
    // they are.
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
