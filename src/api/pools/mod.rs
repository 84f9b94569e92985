//! Pools of stacks: in statics, in memory that the caller provides, or from an allocator.
//!
//! | module | contents |
//! |---|---|
//! | `fixed` | [`StackPool`]: a static with a number of stacks that is known at compile time |
//! | `layout` | the memory layouts of a pool: adjacent stacks, stacks above guard pages, stacks in their own section |
//! | `placed` | [`stack_pool!`](crate::stack_pool): stacks in a linker section of their own |
//! | `region` | [`StackRegion`]: stacks in memory that the caller provides |
//! | `raw` | `RawStacks`: number and size known at run time, for wrappers in other languages |
//! | `heap` | `HeapStacks`: stacks from the global allocator |
//! | `least` | the least stack: the smallest size that `spawn` accepts for a body |

mod fixed;
#[cfg(feature = "alloc")]
mod heap;
mod layout;
pub(crate) mod least;
mod placed;
mod raw;
mod region;

pub use fixed::{GuardedStackPool, SharedStackPool, StackPool};
#[cfg(feature = "alloc")]
pub use heap::HeapStacks;
pub use layout::{Guarded, Inline, Layout, Placed, Plain, StackMemory};
#[doc(hidden)]
pub use raw::RawStacks;
pub use region::{Byte, StackRegion, TooSmall};

use crate::records::pool::PoolImpl;

/// A source of stacks: a [`StackPool`] of any kind, a [`StackRegion`] or `HeapStacks`. Sealed.
///
/// ```
/// use greenlet::{Greenlet, StackPool, Stacks, Tree};
///
/// /// Spawns a greenlet that doubles what it is sent, on a stack of the caller's choice.
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
pub trait Stacks: PoolImpl {}

impl<P: PoolImpl> Stacks for P {}

/// Bytes that a stack must have in any build: no body fits into less.
const LEAST_SIZE: usize = if cfg!(thumb_1) { 512 } else { 1024 };

/// Fails the build if the parameters of a pool are out of range.
const fn check<const COUNT: usize, const SIZE: usize, const HEADROOM: usize, L: Layout<COUNT, SIZE>>() {
    assert!(SIZE >= LEAST_SIZE, "greenlet: SIZE of a stack pool must be at least 1024 bytes (v6-M: 512)");
    assert!(
        HEADROOM <= SIZE - LEAST_SIZE,
        "greenlet: a stack must have at least 1024 bytes (v6-M: 512) besides HEADROOM: a larger SIZE, or less HEADROOM"
    );
    assert!(HEADROOM <= u32::MAX as usize, "greenlet: HEADROOM of a stack pool must be below 2^32");
    assert!(COUNT < u32::MAX as usize, "greenlet: COUNT of a stack pool must be below 2^32 - 1");
    let () = L::SOUND;
}

/// Returns the bytes of a whole pool whose static has `own` bytes: the stacks are added if they are in a section of
/// their own, and spare memory below them is not counted.
const fn bytes<const COUNT: usize, const SIZE: usize, L: Layout<COUNT, SIZE>>(own: usize) -> usize {
    let own = own - L::BELOW;
    if own < L::BYTES { own + L::BYTES } else { own }
}
