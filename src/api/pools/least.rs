//! The least stack: the size that a body needs to start, switch once and be killed, if it does nothing else.
//!
//! The frames of this crate contain several values of type `Outcome<V, E>`. With optimization the compiler gives most
//! of them the same stack slot; without, each has its own. Which of the two applies is not always known when this crate
//! is compiled, because its generic functions are compiled with the crate that uses them, which may have another
//! opt-level. So there are two figures:
//!
//! | figure | a smaller stack is refused in | when |
//! |---|---|---|
//! | [`LEAST`] | every crate | compile time |
//! | [`UNOPTIMIZED`] | a crate that is [found to be compiled without optimization](is_unoptimized) | spawn |
//!
//! `LEAST` is the optimized figure, or the unoptimized one if this crate itself is compiled without optimization.
//!
//! The package `qemu-tests/floor` measures these by single steps, in each kind of build that `qemu-tests/src/least.rs`
//! lists.

use crate::arch::{STACK_ALIGN, Words};
use crate::kernel::thrown::Outcome;
use crate::kernel::transfer::word::is_wide;
use crate::records::band::BAND;
use crate::records::block::Block;
use crate::records::errors::SpawnError;
use crate::records::optimized::{IS_KNOWN_UNOPTIMIZED, is_unoptimized};
use core::mem::{align_of, size_of};

/// The stack that this crate's own frames take, in one kind of build.
#[derive(Clone, Copy)]
struct Depth {
    /// Bytes of the frames, without the outcomes in them.
    frames: usize,
    /// The number of outcomes in them.
    outcomes: usize,
    /// The number of copies of the body in them.
    bodies: usize,
    /// The number of `Words` in them, where values travel in several registers.
    words: usize,
    /// Bytes of the `Busy` guards in them, with the feature `abandon`.
    guards: usize,
}

/// With optimization: at opt-levels 1, 2, 3, `s` and `z`.
const OPTIMIZED: Depth = match cfg!(feature = "std") {
    // Smaller frames: a register has 4 bytes, and there are none of floating point.
    false if cfg!(thumb_1) => Depth { frames: 224, outcomes: 14, bodies: 2, words: 2, guards: 64 },
    true => Depth { frames: 720, outcomes: 14, bodies: 2, words: 2, guards: 64 },
    false => Depth { frames: 448, outcomes: 14, bodies: 2, words: 2, guards: 64 },
};

/// Without optimization. With `std` the frames are larger, because panics are caught.
const UNOPTIMIZED: Depth = match cfg!(feature = "std") {
    true => Depth { frames: 3264, outcomes: 40, bodies: 3, words: 16, guards: 320 },
    false => Depth { frames: 2560, outcomes: 36, bodies: 3, words: 16, guards: 320 },
};

/// The figure that applies to every crate, as far as this is known when this crate is compiled.
///
/// The build script sets the cfg `unoptimized` if this crate is compiled without optimization, or in a profile that is
/// unoptimized by default. Debug assertions count as well: they are on in such profiles, and make the frames larger.
const LEAST: Depth = if IS_KNOWN_UNOPTIMIZED { UNOPTIMIZED } else { OPTIMIZED };

impl Depth {
    /// Returns the bytes of stack that a body of type `F` needs, with the control block and the canary band.
    ///
    /// The body counts twice, because it is moved from the base of the stack into the frame of the function that calls
    /// it; without optimization it counts once more, for another copy. The arithmetic saturates, so the result for a
    /// type larger than all memory does not wrap.
    const fn bytes<V, E, F>(self) -> usize {
        let align = if align_of::<F>() > STACK_ALIGN { align_of::<F>() } else { STACK_ALIGN };
        let body = size_of::<F>().next_multiple_of(align) + align;
        let guards = if cfg!(feature = "abandon") { self.guards } else { 0 };
        let words = if is_wide::<V>() { self.words * size_of::<Words>() } else { 0 };
        let outcomes = self.outcomes.saturating_mul(size_of::<Outcome<V, E>>());
        (size_of::<Block>() + BAND + self.frames + words + guards)
            .saturating_add(body.saturating_mul(self.bodies))
            .saturating_add(outcomes)
    }
}

/// Returns the bytes of stack that a body needs in every build.
pub(crate) const fn least<V, E, F>() -> usize {
    LEAST.bytes::<V, E, F>()
}

/// Returns the bytes of stack that a body needs in the crate into which this is inlined. In an optimized crate this
/// takes four instructions.
#[inline(always)]
pub(crate) fn needs<V, E, F>() -> usize {
    if is_unoptimized() { const { UNOPTIMIZED.bytes::<V, E, F>() } } else { const { least::<V, E, F>() } }
}

/// Returns what a body [needs] if a stack of `bytes` is too small for it, else `None`; for what is not known at compile
/// time. A stack that is large enough for every build takes no check at run time.
#[inline(always)]
pub(crate) fn missing<V, E, F>(bytes: usize) -> Option<usize> {
    if bytes >= const { UNOPTIMIZED.bytes::<V, E, F>() } {
        return None;
    }
    let needs = needs::<V, E, F>();
    (bytes < needs).then_some(needs)
}

/// Returns the refusal of a body for stacks of `size` bytes that keep `headroom` for interrupt handlers, if they are too
/// small for it; for what is not known at compile time.
#[inline(always)]
pub(crate) fn refusal<V, E, F>(size: usize, headroom: usize) -> Option<SpawnError> {
    let needs = missing::<V, E, F>(size - headroom)? + headroom;
    Some(SpawnError::StackTooSmall { needs, stack: size })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_is_counted_as_often_as_it_is_there() {
        let none = Depth { frames: 0, outcomes: 0, bodies: 0, words: 0, guards: 0 };
        let least = size_of::<Block>() + BAND;
        assert_eq!(none.bytes::<u8, (), [u128; 9]>(), least);
        assert_eq!(Depth { frames: 100, ..none }.bytes::<u8, (), ()>(), least + 100);
        assert_eq!(
            Depth { outcomes: 3, ..none }.bytes::<[u8; 99], (), ()>(),
            least + 3 * size_of::<Outcome<[u8; 99], ()>>()
        );
        assert_eq!(Depth { bodies: 3, ..none }.bytes::<u8, (), [u8; 33]>(), least + 3 * (48 + 16));
        #[repr(align(64))]
        struct Aligned(#[allow(dead_code, reason = "for its size")] [u8; 65]);
        assert_eq!(Depth { bodies: 3, ..none }.bytes::<u8, (), Aligned>(), least + 3 * (128 + 64));
        let guards = if cfg!(feature = "abandon") { 40 } else { 0 };
        assert_eq!(Depth { guards: 40, ..none }.bytes::<u8, (), ()>(), least + guards);
        let words = Depth { frames: 100, words: 2, guards: 40, ..none };
        assert_eq!(words.bytes::<u8, (), ()>(), least + 100 + guards);
        let wide = if is_wide::<[usize; 8]>() { 2 * size_of::<Words>() } else { 0 };
        assert_eq!(words.bytes::<[usize; 8], (), ()>(), least + 100 + guards + wide);
    }

    #[test]
    fn the_least_stack_of_every_crate_is_that_of_this_crate_s_build() {
        let figures = (OPTIMIZED.bytes::<u8, (), ()>(), UNOPTIMIZED.bytes::<u8, (), ()>());
        assert!(figures.0 < figures.1, "{figures:?}");
        assert_eq!(super::least::<u8, (), ()>(), if IS_KNOWN_UNOPTIMIZED { figures.1 } else { figures.0 });
    }

    #[test]
    fn a_refusal_counts_what_is_kept_for_interrupts() {
        let needs = needs::<u8, (), ()>();
        assert_eq!(refusal::<u8, (), ()>(needs + 100, 100), None);
        let refused = Some(SpawnError::StackTooSmall { needs: needs + 100, stack: needs + 99 });
        assert_eq!(refusal::<u8, (), ()>(needs + 99, 100), refused);
    }
}
