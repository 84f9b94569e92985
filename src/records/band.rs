//! The canary band at the limit of a stack, and whether it is as it was laid.
//!
//! ```text
//!   base  ┌──────────────────┐
//!         │ control block    │
//!         ├──────────────────┤ ─┐
//!         │ frames           │  │ span: the stack pointer of a greenlet that leaves is in here
//!         │ free             │  │
//!   floor ├──────────────────┤ ─┘
//!         │ canary band      │ BAND bytes: the highest word holds the address of the floor with its sign changed, the others
//!   limit └──────────────────┘ hold the address
//! ```

use crate::arch::{Cpu, Native};
use crate::records::block::BlockPtr;
use core::cell::{Cell, UnsafeCell};
use core::mem::size_of;

/// Whether a departure checks anything. A constant, so that nothing of the checks is left where they are off.
pub(crate) const CHECKED: bool = !cfg!(feature = "unchecked-switch");

/// A word of a canary band.
pub(crate) type Canary = Cell<usize>;

/// Bytes of a canary band: a function that writes its frame from the top leaves a trace in it unless it skips all of it.
pub(crate) const BAND: usize = 64;
const WORDS: usize = BAND / size_of::<Canary>();

/// Writes the band at the limit of a stack; returns the floor above it.
///
/// # Safety
///
/// [`BAND`] bytes at `limit`, which is aligned for a word, belong to the caller.
pub(crate) unsafe fn lay_band(limit: *mut u8) -> *const Canary {
    let floor = limit.wrapping_add(BAND).cast::<Canary>();
    for word in 1..=WORDS {
        // SAFETY: the caller's contract.
        unsafe { floor.wrapping_sub(word).write(Cell::new(canary(floor, word))) };
    }
    floor
}

/// What stands in the band, so many words below the floor.
#[inline(always)]
fn canary(floor: *const Canary, word: usize) -> usize {
    if word == 1 { floor.addr().wrapping_neg() } else { floor.addr() }
}

/// The word that many below the floor.
///
/// # Safety
///
/// The floor is that of a greenlet which exists, and the word is of its band.
#[inline(always)]
unsafe fn read(floor: *const Canary, word: usize) -> usize {
    // SAFETY: such a band is memory of the greenlet's stack, or of its tree.
    unsafe { &*floor.wrapping_sub(word) }.get()
}

/// Whether the band of `greenlet` is as it was laid.
pub(crate) fn is_whole(greenlet: BlockPtr) -> bool {
    let floor = greenlet.floor.get();
    let mut word = 1;
    // Not an iterator, whose frames are deep without optimization: this is called where little may be left. With a way out after
    // each word: without, the compiler compares several at a time in vector registers, which takes more instructions.
    while word <= WORDS {
        // SAFETY: the greenlet exists.
        if unsafe { read(floor, word) } != canary(floor, word) {
            return false;
        }
        word += 1;
    }
    true
}

/// Whether `leaver`, which runs, stands on its stack, with the two highest words of the band as they were.
#[inline(always)]
pub(crate) fn stands(leaver: BlockPtr) -> bool {
    // SAFETY: a greenlet exists while it runs, and its band is memory of its stack, or of its tree.
    unsafe { Native::stack_ok(&leaver.floor, &leaver.span) }
}

/// The band of a main greenlet, for the fast path to find what it looks for.
#[repr(align(64))] // as those of stacks are: what watches a band may ask for it
pub(crate) struct MainBand(UnsafeCell<[usize; WORDS]>);

const _: () = assert!(align_of::<MainBand>() == BAND);

impl MainBand {
    pub(crate) const fn new() -> Self {
        Self(UnsafeCell::new([0; WORDS]))
    }

    /// Lays it; returns floor and span for a stack without bounds.
    ///
    /// # Safety
    ///
    /// No main greenlet of the tree exists.
    pub(crate) unsafe fn lay(&'static self) -> (*const Canary, usize) {
        // SAFETY: the words are the tree's, nobody else looks at them now, and it is a cell.
        (unsafe { lay_band(self.0.get().cast()) }, usize::MAX)
    }
}

/// Floor and span of a stack of the crate's that begins at `limit` and has its control block at `block`.
///
/// # Safety
///
/// As for [`lay_band`]; `block` is in the same memory.
pub(crate) unsafe fn bounds(limit: *mut u8, block: *const u8) -> (*const Canary, usize) {
    // SAFETY: the caller's contract.
    let floor = unsafe { lay_band(limit) };
    (floor, block.addr() - floor.addr())
}
