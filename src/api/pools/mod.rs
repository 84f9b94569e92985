//! Stacks: in statics, in memory of the caller's, from an allocator.
//!
//! | module | what |
//! |---|---|
//! | `fixed` | [`StackPool`]: a number of stacks that is known when the program is built |
//! | `layout` | how they lie: next to one another, above guards, in memory apart |
//! | `placed` | [`stack_pool!`](crate::stack_pool): memory apart, for the linker to place |
//! | `region` | [`StackRegion`]: memory that the caller brings |
//! | `heap` | `HeapStacks`: memory of the program's allocator |
//! | `least` | how large a stack must be for a body |

mod fixed;
#[cfg(feature = "alloc")]
mod heap;
mod layout;
pub(crate) mod least;
mod placed;
mod region;

pub use fixed::{GuardedStackPool, SharedStackPool, StackPool};
#[cfg(feature = "alloc")]
pub use heap::HeapStacks;
pub use layout::{Guarded, Inline, Layout, Placed, Plain, StackMemory};
pub use region::{Byte, StackRegion, TooSmall};

use crate::records::pool::Source;

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
    let own = own - L::BELOW;
    if own < L::BYTES { own + L::BYTES } else { own }
}
