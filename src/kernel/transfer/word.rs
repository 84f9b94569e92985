//! A value as one machine word: itself when it fits, else where it lies.
//!
//! A value that does not fit was written to memory a moment ago, field by field, and is read from there by who gets it. A processor
//! forwards what it has not stored yet to a load that is within the store, and has a wider one wait. So it is read in pieces no
//! larger than its fields, and the pieces are what the receiver goes on with: it uses some, maybe, and sends them on.

use crate::arch::Word;
use core::mem::{MaybeUninit, align_of, size_of};

/// Whether a `V` travels in the word itself.
const fn fits<V>() -> bool {
    size_of::<V>() <= size_of::<Word>() && align_of::<V>() <= align_of::<Word>()
}

/// The word for a value. It stands for the value: who unpacks it owns the value, and the place it was packed from is empty.
///
/// # Safety
///
/// A `V` lies at `place`.
#[inline(always)]
pub(super) unsafe fn pack<V>(place: *const V) -> Word {
    if fits::<V>() {
        let mut word: Word = MaybeUninit::uninit();
        // SAFETY: a `V` fits the word, in size and alignment. Padding stays padding: a word may be uninitialised.
        unsafe { word.as_mut_ptr().cast::<V>().copy_from_nonoverlapping(place, 1) };
        word
    } else {
        MaybeUninit::new(place.cast())
    }
}

/// The value of a word.
///
/// # Safety
///
/// The word came from [`pack`] for the same `V`, is unpacked once, and the place it was packed from is untouched.
#[inline(always)]
pub(super) unsafe fn unpack<V>(word: Word) -> V {
    if fits::<V>() {
        // SAFETY: a `V` lies in the word, and the caller takes it over.
        return unsafe { word.as_ptr().cast::<V>().read() };
    }
    // SAFETY: `pack` made it a pointer.
    let place: *const V = unsafe { word.assume_init() }.cast();
    // SAFETY: a `V` lies there, and the caller takes it over.
    unsafe { read(place) }
}

/// [`ptr::read`](core::ptr::read), in pieces if there are not too many.
///
/// # Safety
///
/// The same.
#[cfg_attr(not(any(unoptimized, debug_assertions)), inline(always))] // else, for the sake of the stack, it has a frame of its own
unsafe fn read<V>(place: *const V) -> V {
    if are_pieces::<V, Word>() {
        // SAFETY: the same contract; a word may be uninitialised.
        unsafe { read_in_pieces::<V, Word>(place) }
    } else if are_pieces::<V, MaybeUninit<u32>>() {
        // SAFETY: the same.
        unsafe { read_in_pieces::<V, MaybeUninit<u32>>(place) }
    } else {
        // SAFETY: the same contract.
        unsafe { place.read() }
    }
}

/// Whether a `V` is to be read as so many `P`: it is aligned as they are, and they are not more than are worth their loads.
const fn are_pieces<V, P>() -> bool {
    align_of::<V>() >= align_of::<P>() && size_of::<V>() <= PIECES * size_of::<P>()
}

/// The most pieces that a value is read in. Each is a load and a store at every place that switches, and room in its frame.
const PIECES: usize = 8;

/// [`ptr::read`](core::ptr::read) by a load for every `P`.
///
/// # Safety
///
/// The same. A `V` [has pieces](are_pieces) `P`, and these may be uninitialised.
#[inline(always)]
unsafe fn read_in_pieces<V, P>(place: *const V) -> V {
    let mut value = MaybeUninit::<V>::uninit();
    let mut copy = |at| {
        // The size of a `V` is a multiple of its alignment, and so of a piece.
        if at < size_of::<V>() / size_of::<P>() {
            let from = place.cast::<P>().wrapping_add(at);
            // SAFETY: a part of the `V`, and aligned. Volatile, because the compiler would make wide loads of these again.
            let piece = unsafe { from.read_volatile() };
            let to = value.as_mut_ptr().cast::<P>().wrapping_add(at);
            // SAFETY: the same part of `value`.
            unsafe { to.write(piece) };
        }
    };
    // Not in a loop: at opt-level `s` it would stay one, and `value` in memory.
    copy(0);
    copy(1);
    copy(2);
    copy(3);
    copy(4);
    copy(5);
    copy(6);
    copy(7);
    // SAFETY: all of it was written.
    unsafe { value.assume_init() }
}
