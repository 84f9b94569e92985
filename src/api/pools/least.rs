//! The least stack: what a body needs to start, switch once and be killed, if it does nothing else.
//!
//! The kernel's frames hold several outcomes at a time, and how many depends on how the program is built: with optimization the
//! compiler gives most of them one place, without each has its own. What is known of that when this crate is compiled is not all,
//! because the kernel's generic functions are compiled with the crate that uses them, which may be built in another way than this
//! one is. So there are two figures:
//!
//! | | who is refused a smaller stack | when |
//! |---|---|---|
//! | [`LEAST`] | everybody; with optimization, or without where the build script [knows of it](LEAST) | the program is built |
//! | [`UNOPTIMIZED`] | a crate that is found to be compiled [without optimization](is_unoptimized) | it spawns |
//!
//! The package `qemu-tests/floor` steps through all of it, in each of the ways to build that `qemu-tests/src/least.rs` lists.

use crate::arch::{self, STACK_ALIGN};
use crate::kernel::thrown::Outcome;
use crate::records::band::BAND;
use crate::records::block::Block;
use core::mem::{MaybeUninit, align_of, size_of};

/// How deep the kernel is, in a kind of build.
#[derive(Clone, Copy)]
struct Depth {
    /// Bytes of its frames, without outcomes.
    frames: usize,
    /// How many outcomes they hold.
    outcomes: usize,
    /// Bytes of what notes that the kernel is at work.
    notes: usize,
}

/// With optimization: at opt-levels 1, 2, 3, `s` and `z`.
const OPTIMIZED: Depth = match cfg!(feature = "std") {
    true => Depth { frames: 720, outcomes: 14, notes: 64 },
    false => Depth { frames: 448, outcomes: 14, notes: 64 },
};

/// Without. More where panics are caught.
const UNOPTIMIZED: Depth = match cfg!(feature = "std") {
    true => Depth { frames: 3264, outcomes: 40, notes: 320 },
    false => Depth { frames: 2560, outcomes: 36, notes: 320 },
};

/// What is certain, or as good as that, when this crate is compiled. `unoptimized` is the build script's: this crate is compiled
/// without optimization, or in a profile of which that is the default. Debug assertions are such a default, and make the frames
/// deeper besides.
const LEAST: Depth = if IS_KNOWN { UNOPTIMIZED } else { OPTIMIZED };
const IS_KNOWN: bool = cfg!(any(unoptimized, debug_assertions));

impl Depth {
    /// The body counts twice: it moves from the base of the stack into the frame of the function that runs it. What is larger than
    /// all memory stays so: nothing here wraps.
    const fn bytes<V, E, F>(self) -> usize {
        let align = if align_of::<F>() > STACK_ALIGN { align_of::<F>() } else { STACK_ALIGN };
        let body = size_of::<F>().next_multiple_of(align) + align;
        let notes = if cfg!(feature = "abandon") { self.notes } else { 0 };
        let outcomes = self.outcomes.saturating_mul(size_of::<Outcome<V, E>>());
        (size_of::<Block>() + BAND + self.frames + notes)
            .saturating_add(body.saturating_mul(2))
            .saturating_add(outcomes)
    }
}

/// Bytes of stack that everybody needs.
pub(crate) const fn least<V, E, F>() -> usize {
    LEAST.bytes::<V, E, F>()
}

/// Bytes of stack that the crate needs into which this is inlined. Where it is optimized, a constant but for four instructions.
#[inline(always)]
pub(crate) fn needs<V, E, F>() -> usize {
    if IS_KNOWN || is_unoptimized() { const { UNOPTIMIZED.bytes::<V, E, F>() } } else { const { least::<V, E, F>() } }
}

/// What is missing of `bytes` of stack for a body, where that is not known when the program is built: what it [needs]. Nothing is
/// asked of a stack that is large enough in any case.
#[inline(always)]
pub(crate) fn missing<V, E, F>(bytes: usize) -> Option<usize> {
    if bytes >= const { UNOPTIMIZED.bytes::<V, E, F>() } {
        return None;
    }
    let needs = needs::<V, E, F>();
    (bytes < needs).then_some(needs)
}

/// Whether the crate into which this is inlined is compiled without optimization. Asked of the compiler by what it does: two values
/// of which one is over before the other begins have one place on the stack with optimization, and two without. So it is with
/// outcomes in the kernel's frames, which are what the difference is about.
///
/// It is right, too, where optimization is left to the linker: code that was compiled without says nothing of when a value is over.
#[inline(always)]
fn is_unoptimized() -> bool {
    let first = {
        let value = MaybeUninit::<usize>::uninit();
        arch::opaque(value.as_ptr())
    };
    let second = {
        let value = MaybeUninit::<usize>::uninit();
        arch::opaque(value.as_ptr())
    };
    first != second
}
