//! The canary band at the limit of a stack, by which an overflow is detected without an MMU. (Elsewhere: stack
//! sentinel.)
//!
//! ```text
//!   base  ┌──────────────────┐
//!         │ control block    │
//!         ├──────────────────┤ ─┐
//!         │ frames           │  │ span: must contain the stack pointer of a greenlet that switches away
//!         │ free             │  │
//!   floor ├──────────────────┤ ─┘
//!         │ canary band      │ BAND bytes. Highest word: the negated address of the floor
//!         │                  │             All others:   the address of the floor
//!   limit └──────────────────┘
//! ```
//!
//! The highest word is negated so that the fast path needs one comparison for it and the stack pointer: see
//! `kernel/overflow.rs`.

use crate::arch::{Cpu, Native};
use crate::records::block::BlockPtr;
use core::cell::{Cell, UnsafeCell};
use core::mem::size_of;

/// Whether a departure checks the stack and the interrupts. A constant, so that the checks are compiled out if it is
/// false.
pub(crate) const CHECKED: bool = !cfg!(feature = "unchecked-switch");

/// A word of a canary band.
pub(crate) type Canary = Cell<usize>;

/// Bytes of a canary band. An overflowing frame overwrites part of the band, unless it leaves all of these bytes
/// unwritten.
pub(crate) const BAND: usize = 64;
const WORDS: usize = BAND / size_of::<Canary>();

/// Writes the band at the limit of a stack; returns the floor above it.
///
/// # Safety
///
/// The [`BAND`] bytes from `limit` up belong to the caller, and `limit` is aligned for a word.
pub(crate) unsafe fn lay_band(limit: *mut u8) -> *const Canary {
    let floor = limit.wrapping_add(BAND).cast::<Canary>();
    for word in 1..=WORDS {
        // SAFETY: the caller's contract.
        unsafe { floor.wrapping_sub(word).write(Cell::new(canary(floor, word))) };
    }
    floor
}

/// The value of the band's word that is `word` words below the floor.
#[inline(always)]
fn canary(floor: *const Canary, word: usize) -> usize {
    if word == 1 { floor.addr().wrapping_neg() } else { floor.addr() }
}

/// Reads the word that is `word` words below the floor.
///
/// # Safety
///
/// The floor is that of a greenlet that exists, and the word is in its band.
#[inline(always)]
unsafe fn read(floor: *const Canary, word: usize) -> usize {
    // SAFETY: the band of such a greenlet is part of its stack, or of its tree.
    unsafe { &*floor.wrapping_sub(word) }.get()
}

/// Whether all words of the band of `greenlet` are unchanged.
pub(crate) fn is_whole(greenlet: BlockPtr) -> bool {
    let floor = greenlet.floor.get();
    let mut word = 1;
    // A plain loop: without optimization an iterator needs deep frames, and little stack may be left here. The early
    // return per word keeps the compiler from comparing several words in vector registers, which takes more
    // instructions.
    while word <= WORDS {
        // SAFETY: the greenlet exists.
        if unsafe { read(floor, word) } != canary(floor, word) {
            return false;
        }
        word += 1;
    }
    true
}

/// Whether the stack pointer is within the span of `leaver`, the current greenlet, and the two highest words of its
/// band are unchanged. The fast path checks no more than this.
#[inline(always)]
pub(crate) fn stack_ok(leaver: BlockPtr) -> bool {
    // SAFETY: a greenlet exists while it runs, and its band is part of its stack, or of its tree.
    unsafe { Native::stack_ok(&leaver.floor, &leaver.span) }
}

/// The band of a main greenlet, which is never overwritten: with it the fast path needs no special case for main.
#[repr(align(64))] // like the bands of stacks: a hardware watchpoint needs the alignment
pub(crate) struct MainBand(UnsafeCell<[usize; WORDS]>);

const _: () = assert!(align_of::<MainBand>() == BAND);

impl MainBand {
    pub(crate) const fn new() -> Self {
        Self(UnsafeCell::new([0; WORDS]))
    }

    /// Writes the band; returns the floor, and the span of a stack without bounds.
    ///
    /// # Safety
    ///
    /// The caller has taken the tree, and no main greenlet of it exists.
    pub(crate) unsafe fn lay(&'static self) -> (*const Canary, usize) {
        // SAFETY: the words belong to the tree, nothing else uses them now, and an `UnsafeCell` may be written through
        // `&self`.
        (unsafe { lay_band(self.0.get().cast()) }, usize::MAX)
    }
}

/// Writes the band of a stack whose lowest address is `limit`; returns the floor and the span up to the control block
/// `block`.
///
/// # Safety
///
/// As for [`lay_band`]; `block` is in the same memory.
pub(crate) unsafe fn bounds(limit: *mut u8, block: *const u8) -> (*const Canary, usize) {
    // SAFETY: the caller's contract.
    let floor = unsafe { lay_band(limit) };
    (floor, block.addr() - floor.addr())
}
