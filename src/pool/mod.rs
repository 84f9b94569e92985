//! Stacks in statics, and who has which.
//!
//! | module | what |
//! |---|---|
//! | `fixed` | [`StackPool`]: a number of stacks that is known when the program is built |
//! | `layout` | how they lie: next to one another, above guards, in memory apart |
//! | `placed` | [`stack_pool!`](crate::stack_pool): memory apart, for the linker to place |
//! | `region` | [`StackRegion`]: memory that the caller brings |
//! | `heap` | `HeapStacks`: memory of the program's allocator |
//! | `keeper` | which are free: |
//! | `list` | for one core at a time |
//! | `slots` | for several |
//! | `tally` | what becomes of stacks whose greenlets do not run |
//! | `source` | what the kernel asks of all of these |

mod fixed;
#[cfg(feature = "alloc")]
mod heap;
mod keeper;
mod layout;
mod list;
mod placed;
mod region;
mod slots;
mod source;
mod tally;

pub use fixed::{GuardedStackPool, SharedStackPool, StackPool};
#[cfg(feature = "alloc")]
pub use heap::HeapStacks;
use keeper::Keeper;
pub use layout::{Guarded, Inline, Layout, Placed, Plain, StackMemory};
pub(crate) use list::{List, NoStack};
pub use region::{Byte, StackRegion, TooSmall};
pub(crate) use slots::{Claimed, Slots};
pub(crate) use source::{Core, Home, Source, give_up_all, release};
pub(crate) use tally::{LESS, Lot, MORE};

use crate::arch::STACK_ALIGN;
use crate::block::Block;
use crate::overflow::BAND;
use crate::thrown::Outcome;
use core::mem::{align_of, size_of};

/// Where stacks come from: a [`StackPool`] of any kind. Not to be implemented elsewhere.
///
/// ```
/// use greenlet::{Greenlet, StackPool, Stacks, Tree};
///
/// /// Doubles what it is sent, on a stack from wherever the caller likes.
/// fn doubler<P: Stacks>(parent: &Greenlet<u32, &'static str>, pool: &'static P) -> Greenlet<u32, &'static str> {
///     let doubler = parent.bare(pool).unwrap();
///     doubler.set_run(|me, mut x| loop { x = me.up(2 * x)?; }).unwrap();
///     doubler
/// }
///
/// static STACKS: StackPool<1, 8192> = StackPool::new();
/// static TREE: Tree<u32> = Tree::new();
/// TREE.enter(|main| assert_eq!(doubler(main, &STACKS).switch(4), Ok(8))).unwrap();
/// ```
pub trait Stacks: Source {}

impl<P: Source> Stacks for P {}

/// Checked when a pool is built.
const fn check<const COUNT: usize, const SIZE: usize, const HEADROOM: usize, L: Layout<COUNT, SIZE>>() {
    assert!(SIZE >= 1024, "greenlet: SIZE of a stack pool must be at least 1024 bytes");
    assert!(
        HEADROOM <= SIZE - 1024,
        "greenlet: a stack must have at least 1024 bytes besides HEADROOM: a larger SIZE, or less HEADROOM"
    );
    assert!(HEADROOM <= u32::MAX as usize, "greenlet: HEADROOM of a stack pool must be below 2^32");
    assert!(COUNT < u32::MAX as usize, "greenlet: COUNT of a stack pool must be below 2^32 - 1");
    let () = L::SOUND;
}

/// Bytes of a pool that is `own` bytes itself: with stacks that lie apart.
const fn bytes<const COUNT: usize, const SIZE: usize, L: Layout<COUNT, SIZE>>(own: usize) -> usize {
    if own < L::BYTES { own + L::BYTES } else { own }
}

/// Bytes of stack that a body needs to start, switch once and be killed, if it does nothing else. A floor for what is refused
/// when built: a body that calls anything needs more.
///
/// The body counts twice: it moves from the base of the stack into the frame of the function that runs it. The rest covers
/// the kernel's own frames, which hold several outcomes at a time: without optimization many, and more where panics are caught.
/// Debug assertions stand for "without optimization", too, because the kernel's generic functions are compiled with the program
/// that uses them. `tests/floor.rs` shows that the figures are enough, with the feature `std` and without: the suite runs it at
/// opt-levels 0, 3, `s` and `z`, and with debug assertions.
pub(crate) const fn needs<V, E, F>() -> usize {
    let align = if align_of::<F>() > STACK_ALIGN { align_of::<F>() } else { STACK_ALIGN };
    let (frames, outcomes) = match (cfg!(debug_assertions), cfg!(unoptimized), cfg!(feature = "std")) {
        (true, _, true) => (3200, 38),
        (true, _, false) => (2464, 38),
        (false, true, true) => (3264, 44),
        (false, true, false) => (2560, 38),
        (false, false, true) => (608, 14),
        (false, false, false) => (448, 14),
    };
    // What notes that the kernel is at work.
    let notes = match (cfg!(feature = "abandon"), cfg!(any(debug_assertions, unoptimized))) {
        (true, true) => 320,
        (true, false) => 64,
        (false, _) => 0,
    };
    size_of::<Block>()
        + BAND
        + 2 * (size_of::<F>().next_multiple_of(align) + align)
        + frames
        + notes
        + outcomes * size_of::<Outcome<V, E>>()
}
