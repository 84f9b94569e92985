//! A value as one machine word: the value itself if it fits, else its address.
//!
//! A value that does not fit was stored field by field just before, and the receiver loads it from there. Store-to-load
//! forwarding works only for a load that is contained in one store; a wider load stalls until the stores complete. So
//! a value of up to eight pieces is loaded in pieces of 8 or 4 bytes, no larger than its alignment. These can stay in
//! registers, where the receiver uses them or sends them on.

use crate::arch::Word;
use core::mem::{MaybeUninit, align_of, size_of};

/// Whether a `V` is passed in the word itself.
const fn fits<V>() -> bool {
    size_of::<V>() <= size_of::<Word>() && align_of::<V>() <= align_of::<Word>()
}

/// Packs the value at `place`. The word owns the value from then on: the memory at `place` counts as moved out of.
///
/// # Safety
///
/// `place` points to a valid `V`.
#[inline(always)]
pub(super) unsafe fn pack<V>(place: *const V) -> Word {
    if fits::<V>() {
        let mut word: Word = MaybeUninit::uninit();
        // SAFETY: a `V` fits into the word, in size and alignment. Padding is preserved: a word may be uninitialised.
        unsafe { word.as_mut_ptr().cast::<V>().copy_from_nonoverlapping(place, 1) };
        word
    } else {
        MaybeUninit::new(place.cast())
    }
}

/// Unpacks the value of a word.
///
/// # Safety
///
/// The word came from [`pack`] for the same `V`, is unpacked once, and the memory it was packed from has not changed.
#[inline(always)]
pub(super) unsafe fn unpack<V>(word: Word) -> V {
    if fits::<V>() {
        // SAFETY: the word contains a `V`, which the caller owns from here on.
        return unsafe { word.as_ptr().cast::<V>().read() };
    }
    // SAFETY: `pack` stored a pointer in it.
    let place: *const V = unsafe { word.assume_init() }.cast();
    // SAFETY: `place` points to a valid `V`, which the caller owns from here on.
    unsafe { read(place) }
}

/// As [`ptr::read`](core::ptr::read), but loads the value in pieces if it has at most [`PIECES`] of them.
///
/// # Safety
///
/// As for [`ptr::read`](core::ptr::read).
#[cfg_attr(not(any(unoptimized, debug_assertions)), inline(always))] // else out of line: smaller frames
unsafe fn read<V>(place: *const V) -> V {
    if are_pieces::<V, Word>() {
        // SAFETY: the same contract; a word may be uninitialised.
        unsafe { read_in_pieces::<V, Word>(place) }
    } else if are_pieces::<V, MaybeUninit<u32>>() {
        // SAFETY: the same contract; a word may be uninitialised.
        unsafe { read_in_pieces::<V, MaybeUninit<u32>>(place) }
    } else {
        // SAFETY: the same contract.
        unsafe { place.read() }
    }
}

/// Whether a `V` is loaded in pieces of type `P`: its alignment is at least theirs, and it has at most [`PIECES`].
const fn are_pieces<V, P>() -> bool {
    align_of::<V>() >= align_of::<P>() && size_of::<V>() <= PIECES * size_of::<P>()
}

/// The largest number of pieces. Each costs a load and a store at every call site of a switch, and room in its frame.
const PIECES: usize = 8;

/// As [`ptr::read`](core::ptr::read), with one load for each `P`.
///
/// # Safety
///
/// As for [`ptr::read`](core::ptr::read). [`are_pieces`] holds for `V` and `P`, and a `P` may be uninitialised.
#[inline(always)]
unsafe fn read_in_pieces<V, P>(place: *const V) -> V {
    let mut value = MaybeUninit::<V>::uninit();
    let mut copy = |at| {
        // The size of a `V` is a multiple of its alignment, and so of a piece.
        if at < size_of::<V>() / size_of::<P>() {
            let from = place.cast::<P>().wrapping_add(at);
            // SAFETY: within the `V`, and aligned. Volatile, because the compiler would merge the pieces into wide
            // loads.
            let piece = unsafe { from.read_volatile() };
            let to = value.as_mut_ptr().cast::<P>().wrapping_add(at);
            // SAFETY: the same part of `value`.
            unsafe { to.write(piece) };
        }
    };
    // Unrolled by hand: at opt-level `s` the compiler would keep a loop, and `value` in memory.
    copy(0);
    copy(1);
    copy(2);
    copy(3);
    copy(4);
    copy(5);
    copy(6);
    copy(7);
    // SAFETY: the pieces cover the whole value.
    unsafe { value.assume_init() }
}
