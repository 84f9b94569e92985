//! A value as one machine word: itself when it fits, else where it lies.

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
    let place: *const V = if fits::<V>() {
        word.as_ptr().cast()
    } else {
        // SAFETY: `pack` made it a pointer.
        unsafe { word.assume_init() }.cast()
    };
    // SAFETY: a `V` lies there, and the caller takes it over.
    unsafe { place.read() }
}
