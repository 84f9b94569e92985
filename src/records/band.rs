//! The canary band at the limit of a stack, by which an overflow is detected without an MMU. (Elsewhere: stack
//! sentinel.)
//!
//! ```text
//!   base  ┌──────────────────┐
//!         │ control block    │
//!   block ├──────────────────┤ ─┐
//!         │ frames           │  │ span: must contain the stack pointer of a greenlet that switches away
//!         │ free             │  │
//!   floor ├──────────────────┤ ─┘
//!         │ canary band      │ BAND bytes. Highest word: -(KEY + BAND + address of the block)
//!         │                  │             Lowest word:  KEY (on aarch64 the second highest)
//!         │                  │             All others:   the address of the floor
//!   limit └──────────────────┘
//!
//!   sp + lower + highest = sp - block - BAND >= limit - block = reach       (unsigned)
//! ```
//!
//! So the fast path compares the stack pointer from below and from above, and two words of the band, by two additions
//! and one comparison. A word that was overwritten passes only if it is off by less than the span. A frame has no such
//! values: KEY looks like no address, small number or repeated byte.
//!
//! [`Cpu::LOWER_CANARY`] says which two words these are. The guest `overflow_shapes` counts what each word is worth.

use crate::arch::{BAND_WORDS, Bounds, Cpu, Native};
use crate::records::block::{Block, BlockPtr};
use core::cell::{Cell, UnsafeCell};
use core::mem::{offset_of, size_of};

/// Whether a departure checks the stack and the interrupts. A constant, so that the checks are compiled out if it is
/// false.
pub(crate) const CHECKED: bool = !cfg!(feature = "unchecked-switch");

/// A word of a canary band.
pub(crate) type Canary = Cell<usize>;

/// Bytes of a canary band. An overflowing frame overwrites part of the band, unless it leaves all of these bytes
/// unwritten.
pub(crate) const BAND: usize = 64;
const WORDS: usize = BAND_WORDS;

const _: () = assert!(WORDS * size_of::<Canary>() == BAND);

/// The lower word of each band.
const KEY: usize = (0x9e37_79b9_7f4a_7c15_u64 >> (64 - usize::BITS)) as usize;

/// Writes the band at the limit of the stack of `block`; returns the floor above it.
///
/// # Safety
///
/// The [`BAND`] bytes from `limit` up belong to the caller, and `limit` is aligned for a word.
pub(crate) unsafe fn lay_band(limit: *mut u8, block: *const u8) -> *const Canary {
    let floor = limit.wrapping_add(BAND).cast::<Canary>();
    // SAFETY: the caller's contract.
    let write = |word, value| unsafe { floor.wrapping_sub(word).write(Cell::new(value)) };
    for word in 0..WORDS {
        write(word + 1, floor.addr());
    }
    // The two that differ are written again: the loop above has no branch, and takes few wide stores.
    write(1, canary(floor, block.addr(), 1));
    write(Native::LOWER_CANARY, canary(floor, block.addr(), Native::LOWER_CANARY));
    floor
}

/// The value of the band's word that is `word` words below the floor, for the block at the address `block`.
#[inline(always)]
fn canary(floor: *const Canary, block: usize, word: usize) -> usize {
    match word {
        1 => block.wrapping_add(BAND).wrapping_add(KEY).wrapping_neg(),
        Native::LOWER_CANARY => KEY,
        _ => floor.addr(),
    }
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
    let (floor, block) = (greenlet.floor(), greenlet.as_ptr().addr());
    let mut word = 1;
    // A plain loop: without optimization an iterator needs deep frames, and little stack may be left here. The early
    // return per word keeps the compiler from comparing several words in vector registers, which takes more
    // instructions.
    while word <= WORDS {
        // SAFETY: the greenlet exists.
        if unsafe { read(floor, word) } != canary(floor, block, word) {
            return false;
        }
        word += 1;
    }
    true
}

/// Whether the stack pointer is within the span of `leaver`, the current greenlet, and two words of its band are
/// unchanged. The fast path checks no more than this.
#[inline(always)]
pub(crate) fn stack_ok(leaver: BlockPtr) -> bool {
    // SAFETY: a greenlet exists while it runs, and its band is part of its stack, or of its tree. The pointer to a
    // block is one to all of the stack; main's `reach` is 0.
    unsafe { Native::stack_ok::<{ offset_of!(Block, bounds) }>(leaver.context()) }
}

/// The band of a main greenlet, which is never overwritten: with it the fast path needs no special case for main.
#[repr(align(64))] // like the bands of stacks: a hardware watchpoint needs the alignment
pub(crate) struct MainBand(UnsafeCell<[usize; WORDS]>);

const _: () = assert!(align_of::<MainBand>() == BAND);

impl MainBand {
    pub(crate) const fn new() -> Self {
        Self(UnsafeCell::new([0; WORDS]))
    }

    /// Writes the band; returns the bounds of a stack without bounds, for the main greenlet `block`.
    ///
    /// # Safety
    ///
    /// The caller has taken the tree, and no main greenlet of it exists.
    pub(crate) unsafe fn lay(&'static self, block: *const u8) -> Bounds {
        // SAFETY: the words belong to the tree, nothing else uses them now, and an `UnsafeCell` may be written through
        // `&self`.
        let floor = unsafe { lay_band(self.0.get().cast(), block) };
        Bounds { floor: Cell::new(floor), reach: Cell::new(0) }
    }
}

/// Writes the band of a stack whose lowest address is `limit`; returns the bounds of the stack below the control block
/// `block`.
///
/// # Safety
///
/// As for [`lay_band`]; `block` is in the same memory.
pub(crate) unsafe fn bounds(limit: *mut u8, block: *const u8) -> Bounds {
    // SAFETY: the caller's contract.
    let floor = unsafe { lay_band(limit, block) };
    Bounds { floor: Cell::new(floor), reach: Cell::new(limit.addr().wrapping_sub(block.addr())) }
}
