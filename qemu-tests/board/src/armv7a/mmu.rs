//! Translation, in the short-descriptor format: memory one to one, devices and RAM with their memory types, nothing at
//! address zero.
//!
//! ```text
//!   root ─► devices: sections of 1 MiB
//!           RAM: sections, but for the image: ─► 4 KiB pages, without those that guard a stack
//! ```
//!
//! Until translation is on, all of memory is strongly ordered to the processor: no unaligned access, no atomic
//! operation but plain loads and stores. The target's `strict-align` sees to the first.

use core::arch::asm;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::memory::{self, PAGE};

const SECTION: usize = 1 << 20;

/// The first level: a descriptor for each section of the address space.
#[repr(C, align(16384))]
struct Root([AtomicU32; 4096]);

/// The second level: a descriptor for each page of a section.
#[repr(C, align(1024))]
struct Pages([AtomicU32; SECTION / PAGE]);

// Descriptors (Armv7-A, B3.5.1). All of domain 0, which checks permissions.
const INVALID: u32 = 0;
const IS_TABLE: u32 = 0b01;
const IS_SECTION: u32 = 0b10;
const IS_PAGE: u32 = 0b10;

/// What memory is, in the bits of a section and of a page.
struct Kind {
    section: u32,
    page: u32,
}

impl Kind {
    /// From TEX, C and B, AP[0], AP[2] and XN.
    const fn new(memory: u32, read_only: u32, never_execute: u32) -> Self {
        const ACCESS: u32 = 0b01;
        let (tex, cb) = (memory >> 2, memory & 0b11);
        Self {
            section: read_only << 15 | tex << 12 | ACCESS << 10 | never_execute << 4 | cb << 2 | IS_SECTION,
            page: read_only << 9 | tex << 6 | ACCESS << 4 | cb << 2 | IS_PAGE | never_execute,
        }
    }
}

// Three bits of TEX, C and B: devices, and write-back memory.
const SHARED_DEVICE: u32 = 0b00001;
const WRITE_BACK: u32 = 0b00111;
const DEVICE: Kind = Kind::new(SHARED_DEVICE, 0, 1);
const DATA: Kind = Kind::new(WRITE_BACK, 0, 1);
const CONSTANT: Kind = Kind::new(WRITE_BACK, 1, 0);

/// Where the machine has its devices, and its RAM.
const DEVICES: usize = 0x0800_0000;
const RAM: usize = 0x4000_0000;

/// Room for pages for the largest image: from the start of RAM to `input_start`.
const MOST_PAGED_SECTIONS: usize = 128;

static ROOT: Root = Root([const { AtomicU32::new(INVALID) }; 4096]);
static PAGES: [Pages; MOST_PAGED_SECTIONS] =
    [const { Pages([const { AtomicU32::new(INVALID) }; SECTION / PAGE]) }; MOST_PAGED_SECTIONS];

/// Fills the tables and turns on translation and caches.
pub(super) fn init() {
    for address in (DEVICES..RAM).step_by(SECTION) {
        set_section(address, address as u32 | DEVICE.section);
    }
    let paged = (memory::end_of_image() - RAM).div_ceil(SECTION);
    for (index, pages) in PAGES[..paged].iter().enumerate() {
        let start = RAM + index * SECTION;
        fill(pages, start);
        set_section(start, (&raw const *pages).addr() as u32 | IS_TABLE);
    }
    for address in (RAM + paged * SECTION..memory::input_area().end).step_by(SECTION) {
        set_section(address, address as u32 | DATA.section);
    }
    memory::guard_pages().into_iter().for_each(leave_out);
    turn_on();
}

fn set_section(address: usize, descriptor: u32) {
    ROOT.0[address / SECTION].store(descriptor, Relaxed);
}

/// Fills the table of the section that begins at `start`.
fn fill(pages: &Pages, start: usize) {
    let constants = memory::constants();
    for (descriptor, page) in pages.0.iter().zip((start..).step_by(PAGE)) {
        let kind = if constants.contains(&page) { CONSTANT } else { DATA };
        descriptor.store(page as u32 | kind.page, Relaxed);
    }
}

/// Unmaps a page of the image. The core may have cached the translation.
fn leave_out(page: usize) {
    PAGES[(page - RAM) / SECTION].0[page % SECTION / PAGE].store(INVALID, Relaxed);
}

/// Takes out a page of the image.
pub(crate) fn take_out(page: usize) {
    leave_out(page);
    // SAFETY: forgets what was known of the translation of this page (TLBIMVA), when the table is written; other pages
    // stay as they are.
    unsafe {
        asm!("dsb", "mcr p15, 0, {}, c8, c7, 1", "dsb", "isb", in(reg) page, options(nostack, preserves_flags));
    }
}

/// Turns on translation and caches, by the tables that are filled.
fn turn_on() {
    /// Of TTBR0: walks are cached as the tables are, write-back, and shared.
    const WALKS: u32 = 1 << 6 | 0b01 << 3 | 1 << 1;
    /// Of SCTLR: the instruction cache, the data cache, and translation.
    const ON: u32 = 1 << 12 | 1 << 2 | 1 << 0;
    // SAFETY: TTBCR, with one table for all addresses; DACR, with permissions of domain 0 checked; TTBR0; what was known
    // of translations and code is forgotten; SCTLR. All that runs and is accessed is mapped one to one.
    unsafe {
        asm!(
            "mcr p15, 0, {zero}, c2, c0, 2",
            "mcr p15, 0, {domains}, c3, c0, 0",
            "mcr p15, 0, {table}, c2, c0, 0",
            "mcr p15, 0, {zero}, c8, c7, 0",
            "mcr p15, 0, {zero}, c7, c5, 0",
            "dsb",
            "isb",
            "mrc p15, 0, {control}, c1, c0, 0",
            "orr {control}, {control}, {on}",
            "mcr p15, 0, {control}, c1, c0, 0",
            "isb",
            zero = in(reg) 0,
            domains = in(reg) 0b01,
            table = in(reg) (&raw const ROOT).addr() as u32 | WALKS,
            on = in(reg) ON,
            control = out(reg) _,
            options(nostack, preserves_flags),
        );
    }
}
