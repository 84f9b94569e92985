//! Stacks in statics, and who has which.
//!
//! | module | what |
//! |---|---|
//! | `plain` | [`StackPool`]: stacks next to one another |
//! | `guarded` | [`GuardedStackPool`]: a page below each that the firmware takes out of its map |
//! | `slots` | which are free |

mod guarded;
mod plain;
mod slots;

pub use guarded::GuardedStackPool;
pub use plain::StackPool;
pub(crate) use slots::{Claimed, Slots, release};

use crate::arch::STACK_ALIGN;
use crate::block::Block;
use crate::overflow::BAND;
use crate::thrown::Outcome;
use core::mem::{align_of, size_of};
/// Where stacks come from: a static of type [`StackPool`] or [`GuardedStackPool`]. Not to be implemented elsewhere.
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
/// static STACKS: StackPool<1, 4096> = StackPool::new();
/// static TREE: Tree<u32> = Tree::new();
/// TREE.enter(|main| assert_eq!(doubler(main, &STACKS).switch(4), Ok(8))).unwrap();
/// ```
pub trait Stacks: Source {}

impl<const COUNT: usize, const SIZE: usize> Stacks for StackPool<COUNT, SIZE> {}
impl<const COUNT: usize, const SIZE: usize> Stacks for GuardedStackPool<COUNT, SIZE> {}

mod source {
    use super::Slots;
    use crate::block::Block;
    use core::ptr::NonNull;

    /// What the kernel asks of a pool. Public in a private place, so that nobody else can implement it.
    #[doc(hidden)]
    pub trait Source: Sync + 'static {
        /// How many stacks there are.
        const COUNT: usize;
        /// Bytes of each.
        const SIZE: usize;

        /// Takes a stack; `None` when there is none.
        fn claim(&'static self) -> Option<Claim>;

        /// What claims of this pool have as their home.
        fn home(&'static self) -> NonNull<Slots<0>>;
    }

    /// A claimed slot, on its way to becoming a greenlet.
    #[doc(hidden)]
    pub struct Claim {
        /// Where the control block goes: the base of the stack, less its size.
        pub(crate) block: *mut Block,
        pub(crate) limit: *mut u8,
        pub(crate) home: NonNull<Slots<0>>,
        pub(crate) slot: u32,
    }

    impl Claim {
        /// Of a stack of `size` bytes from `limit` on.
        pub(super) fn of(limit: *mut u8, size: usize, home: NonNull<Slots<0>>, slot: u32) -> Self {
            // In bounds: the control block is smaller than the least stack; aligned: sizes and limits are multiples of 64.
            let block = limit.wrapping_add(size - size_of::<Block>()).cast::<Block>();
            Self { block, limit, home, slot }
        }
    }
}

pub(crate) use source::Source;

/// Bytes of stack that a body needs to start, switch once and be killed, if it does nothing else. A floor for what is refused
/// when built: a body that calls anything needs more.
///
/// The body counts twice: it moves from the base of the stack into the frame of the function that runs it. The rest covers
/// the kernel's own frames, which hold several outcomes at a time: without optimization many, and more where panics are caught.
/// Debug assertions stand for "without optimization", which is not known here; `tests/floor.rs` shows that the figures are
/// enough, in each profile, with the feature `std` and without, for values of 8 and of 256 bytes.
pub(crate) const fn needs<V, E, F>() -> usize {
    let align = if align_of::<F>() > STACK_ALIGN { align_of::<F>() } else { STACK_ALIGN };
    let (frames, outcomes) = match (cfg!(debug_assertions), cfg!(feature = "std")) {
        (true, true) => (2560, 38),
        (true, false) => (2048, 38),
        (false, _) => (512, 12),
    };
    size_of::<Block>()
        + BAND
        + 2 * (size_of::<F>().next_multiple_of(align) + align)
        + frames
        + outcomes * size_of::<Outcome<V, E>>()
}
