//! Physical memory protection: what is not to be accessed, written or executed, even in machine mode. Its entries are
//! locked, which makes them hold there, too.
//!
//! ```text
//!   entry     covers                             allows
//!   0 to 12   a guard page each, as they come    nothing
//!   12        devices, for supervisor mode       reading, writing
//!   13, 14    code and constants                 reading, executing
//!   15        the rest of RAM                    reading, writing
//! ```
//!
//! Of the entries that cover an address, the lowest applies. Machine mode needs none for devices. There is nothing at
//! address zero. Only machine mode writes the registers.

use core::arch::asm;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::csr;
use crate::memory::{self, PAGE};

/// Entries for guard pages.
const GUARDS: usize = if csr::IS_SUPERVISOR { 12 } else { 13 };

/// The pages, from the first one on; else 0.
static PAGES: [AtomicUsize; GUARDS] = [const { AtomicUsize::new(0) }; GUARDS];

// A byte for each entry: what it allows, how far it goes, and that it is locked.
const READ: u8 = 1 << 0;
const WRITE: u8 = 1 << 1;
const EXECUTE: u8 = 1 << 2;
/// From the address of the entry before.
const UP_TO: u8 = 0b01 << 3;
/// A block with the size of a power of two.
const BLOCK: u8 = 0b11 << 3;
const LOCKED: u8 = 1 << 7;

/// Protects the stacks' guards, the code and the constants.
pub(super) extern "C" fn init() {
    for (entry, page) in PAGES.iter().zip(memory::guard_pages()) {
        entry.store(page, Relaxed);
    }
    set();
}

/// Takes a page out, of this core's memory; other cores do so when they start.
///
/// # Panics
///
/// When there is no entry left.
pub(crate) fn take_out(page: usize) {
    let free = PAGES.iter().find(|entry| entry.load(Relaxed) == 0);
    let entry = free.unwrap_or_else(|| panic!("the processor protects {GUARDS} pages, and no more"));
    entry.store(page, Relaxed);
    if csr::IS_SUPERVISOR {
        // SAFETY: calls `set` in machine mode, which keeps every register.
        unsafe { asm!("ecall", options(nostack)) };
    } else {
        set();
    }
}

/// Sets the registers of this core. In machine mode.
pub(super) extern "C" fn set() {
    let mut allowed = [0; 16];
    for (number, entry) in PAGES.iter().enumerate() {
        let page = entry.load(Relaxed);
        if page != 0 {
            // The bits below the block's address tell its size: 512 words of 8 bytes.
            set_address(number, page >> 2 | (PAGE / 8 - 1));
            allowed[number] = BLOCK | LOCKED;
        }
    }
    if csr::IS_SUPERVISOR {
        // Two gigabytes, from zero on.
        set_address(GUARDS, usize::MAX >> (usize::BITS - 28));
        allowed[GUARDS] = BLOCK | READ | WRITE | LOCKED;
    }
    let (constants, end) = (memory::constants(), memory::input_area().end);
    set_address(13, constants.start >> 2);
    set_address(14, constants.end >> 2);
    set_address(15, end >> 2);
    allowed[14] = UP_TO | READ | EXECUTE | LOCKED;
    allowed[15] = UP_TO | READ | WRITE | LOCKED;
    allow(allowed);
}

/// Writes `pmpaddr` of an entry, an address in words of four bytes. A locked one stays as it is.
fn set_address(entry: usize, address: usize) {
    macro_rules! write_one_of {
        ($($number:literal)*) => {
            match entry {
                // SAFETY: the caller describes memory that the program does not use in the way that is forbidden.
                $($number => unsafe {
                    asm!("csrw 0x3b0 + {}, {}", const $number, in(reg) address, options(nostack, preserves_flags));
                },)*
                _ => unreachable!("there are 16 entries"),
            }
        };
    }
    write_one_of!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
}

/// Writes `pmpcfg` of all entries. Locked ones stay as they are.
fn allow(allowed: [u8; 16]) {
    #[cfg(target_pointer_width = "64")]
    {
        let [low, high] = [0, 8].map(|first| u64::from_le_bytes(core::array::from_fn(|at| allowed[first + at])));
        // SAFETY: as in `set_address`. The odd registers do not exist.
        unsafe { asm!("csrw pmpcfg0, {}", "csrw pmpcfg2, {}", in(reg) low, in(reg) high, options(nostack)) };
    }
    #[cfg(target_pointer_width = "32")]
    {
        let [a, b, c, d] =
            [0, 4, 8, 12].map(|first| u32::from_le_bytes(core::array::from_fn(|at| allowed[first + at])));
        // SAFETY: as in `set_address`.
        unsafe {
            asm!(
                "csrw pmpcfg0, {}",
                "csrw pmpcfg1, {}",
                "csrw pmpcfg2, {}",
                "csrw pmpcfg3, {}",
                in(reg) a,
                in(reg) b,
                in(reg) c,
                in(reg) d,
                options(nostack),
            );
        }
    }
}
