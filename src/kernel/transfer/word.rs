//! A value in registers: in one word, in eight, or as its address.
//!
//! | a value | travels | by |
//! |---|---|---|
//! | of up to one word: 8 bytes, 4 on a 32-bit processor | in one word | [`pack`] |
//! | that [is wide](is_wide): larger, up to eight words | in eight words, of which it fills some | [`pack_wide`] |
//! | larger, or of an alignment above 16 | in the sender's frame: the word is its address | [`pack`] |
//!
//! On 32-bit Arm, which has no registers to spare, a wide value travels by address, too: see the defaults of
//! `arch::Isa`'s wide forms.
//!
//! Through memory, each word would be stored twice, by the sender and by the receiver, and a processor stores one word
//! per cycle. Words in registers need no memory unless the sender or the receiver keeps the value there.

use crate::arch::{Word, Words};
use core::mem::{MaybeUninit, align_of, size_of};

/// Whether a `V` is passed in the word itself.
const fn fits<V>() -> bool {
    size_of::<V>() <= size_of::<Word>() && align_of::<V>() <= align_of::<Word>()
}

/// Whether a `V` is passed in [`Words`].
pub(crate) const fn is_wide<V>() -> bool {
    !fits::<V>() && size_of::<V>() <= size_of::<Words>() && align_of::<V>() <= align_of::<Words>()
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

/// As [`pack`], for a `V` that [is wide](is_wide).
///
/// # Safety
///
/// As for [`pack`].
#[inline(always)]
pub(super) unsafe fn pack_wide<V>(place: *const V) -> Words {
    let mut words = Words([MaybeUninit::uninit(); 8]);
    debug_assert!(is_wide::<V>());
    // SAFETY: a `V` fits into the words, in size and alignment. Padding is preserved: a word may be uninitialised.
    unsafe { (&raw mut words).cast::<V>().copy_from_nonoverlapping(place, 1) };
    words
}

/// What a value is packed to.
pub(super) trait Packed {
    /// Unpacks the value.
    ///
    /// # Safety
    ///
    /// `self` came from [`pack`] or [`pack_wide`] for the same `V`, or is the address of the result of `pack_wide`. It
    /// is unpacked once, and the memory at that address has not changed.
    unsafe fn unpack<V>(self) -> V;
}

impl Packed for Word {
    #[inline(always)]
    unsafe fn unpack<V>(self) -> V {
        if fits::<V>() {
            // SAFETY: the word contains a `V`, which the caller owns from here on.
            return unsafe { self.as_ptr().cast::<V>().read() };
        }
        // SAFETY: `pack`, or the trampoline, stored a pointer in it.
        let place: *const V = unsafe { self.assume_init() }.cast();
        // SAFETY: it points to a valid `V`, aligned, which the caller owns from here on.
        unsafe { place.read() }
    }
}

impl Packed for Words {
    #[inline(always)]
    unsafe fn unpack<V>(self) -> V {
        debug_assert!(is_wide::<V>());
        // SAFETY: the words contain a `V`, which the caller owns from here on.
        unsafe { (&raw const self).cast::<V>().read() }
    }
}
