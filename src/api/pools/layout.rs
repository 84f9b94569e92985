//! The memory layouts of a pool's stacks.

use super::placed::Apart;
use crate::arch::STACK_ALIGN;
use crate::records::block::Block;
use crate::records::pool::{Slot, slot};
use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::mem::{MaybeUninit, align_of, size_of};
use core::ops::Range;

/// The size of a page, and of a guard, in bytes.
const PAGE: usize = 4096;

/// The number of spare stacks below the lowest stack of a pool: 1 on systems where memory that is never touched takes
/// no RAM, else 0. With it come [`FAR`] bytes.
///
/// An overflow of any other stack runs into its neighbour in the pool, and is detected when the greenlet switches away.
/// An overflow of the lowest stack would run into other statics: these may be read-only, which ends the program without
/// a report, or may be data that the report needs.
pub(super) const SPARE: usize = if cfg!(all(any(target_os = "linux", target_os = "macos"), not(miri))) { 1 } else { 0 };
/// Spare bytes below the spare stack: one formatting call in an unoptimized build can overflow a small stack by that
/// much.
pub(super) const FAR: usize = SPARE * (64 << 10);

/// The memory layout of a pool's stacks: [`Plain`], [`Guarded`] or [`Placed`]. Sealed.
///
/// ```
/// use greenlet::{Layout, Plain, StackPool};
/// fn describe<L: Layout<8, 4096>>(_: &'static StackPool<8, 4096, 0, L>) -> usize {
///     L::BYTES
/// }
/// static STACKS: StackPool<8, 4096> = StackPool::new();
/// assert_eq!(describe(&STACKS), <Plain as Layout<8, 4096>>::BYTES);
/// ```
pub trait Layout<const COUNT: usize, const SIZE: usize>: LayoutImpl<COUNT, SIZE> {
    /// The bytes of memory that the stacks take, guard pages included.
    ///
    /// The spare memory below them on Linux and macOS is not counted, because it is never touched and so takes none.
    const BYTES: usize;
}

/// The layout of adjacent stacks inside of the pool. `SIZE` is a multiple of 64, and at least 1,024; 512 on
/// `thumbv6m`.
///
/// ```
/// use greenlet::{Plain, StackPool};
/// static STACKS: StackPool<8, 4096, 0, Plain> = StackPool::new(); // the same type as `StackPool<8, 4096>`
/// ```
pub enum Plain {}

/// The layout with a guard page of 4,096 bytes below each stack; see [`GuardedStackPool`](super::GuardedStackPool).
///
/// ```
/// use greenlet::{Guarded, SharedStackPool};
/// static STACKS: SharedStackPool<8, 4096, 0, Guarded> = SharedStackPool::new();
/// assert_eq!(STACKS.guards().len(), 8);
/// ```
pub enum Guarded {}

/// The layout `L` with the stacks in a static of their own, outside of the pool; see
/// [`stack_pool!`](crate::stack_pool).
///
/// ```
/// use greenlet::{Placed, StackPool};
/// # use greenlet::{SpawnError, Tree};
/// greenlet::stack_pool! { static STACKS: StackPool<8, 4096>; }
/// let stacks: &'static StackPool<8, 4096, 0, Placed> = &STACKS;
/// assert_eq!(stacks.free(), 8);
/// ```
pub struct Placed<L = Plain>(PhantomData<L>);

/// The part of [`Layout`] that only this crate uses. Sealed: public in a private module.
#[doc(hidden)]
pub trait LayoutImpl<const COUNT: usize, const SIZE: usize> {
    /// The field of a pool that has the stacks, or refers to them.
    type Memory: Sync + 'static;
    /// Evaluated at compile time for each pool: fails the build if `SIZE` is not possible.
    const SOUND: ();
    /// The unused bytes of `Memory` below the lowest stack.
    const BELOW: usize;

    /// Returns the slot of stack `number`, counted from the lowest stack.
    fn slot(memory: &'static Self::Memory, number: usize) -> Slot;
}

/// A layout whose memory has a constant initial value: for a pool that contains it, or for a static of its own.
#[doc(hidden)]
pub trait Inline<const COUNT: usize, const SIZE: usize>: Layout<COUNT, SIZE> {
    /// The initial value: no stack was used yet.
    const UNUSED: Self::Memory;
}

/// A layout with guard pages.
#[doc(hidden)]
pub trait Guards<const COUNT: usize, const SIZE: usize>: Layout<COUNT, SIZE> {
    /// Returns the address range of the guard page below stack `number`.
    fn guard(memory: &'static Self::Memory, number: usize) -> Range<usize>;
}

/// The stacks of a pool, one above the other, and the [spare](SPARE) memory below them.
#[repr(C)]
#[doc(hidden)]
pub struct Row<T, const COUNT: usize> {
    far: MaybeUninit<[u8; FAR]>,
    spare: [T; SPARE],
    stacks: [T; COUNT],
}

impl<T, const COUNT: usize> Row<T, COUNT> {
    const BELOW: usize = size_of::<Self>() - size_of::<[T; COUNT]>();

    const fn of(spare: [T; SPARE], stacks: [T; COUNT]) -> Self {
        Self { far: MaybeUninit::uninit(), spare, stacks }
    }
}

/// The memory of one stack.
///
/// The alignment puts each control block on cache lines of its own, and with it the words that a switch reads and
/// writes.
// `MaybeUninit<[u8; SIZE]>`, never `[MaybeUninit<u8>; SIZE]`: in the initial value of a static, the compiler checks
// each element of an array of unions by itself, which takes a second for some megabytes of stacks, and each build and
// each lint anew.
#[repr(C, align(64))]
#[doc(hidden)]
pub struct Stack<const SIZE: usize>(UnsafeCell<MaybeUninit<[u8; SIZE]>>);

// SAFETY: only the greenlet that claimed a stack uses its memory.
unsafe impl<const SIZE: usize> Sync for Stack<SIZE> {}

impl<const SIZE: usize> Stack<SIZE> {
    #[allow(clippy::declare_interior_mutable_const, reason = "copied into statics, never used itself")]
    const UNUSED: Self = Self(UnsafeCell::new(MaybeUninit::uninit()));
}

/// The memory of one stack, above its guard page.
#[repr(C, align(4096))]
#[doc(hidden)]
pub struct StackAboveGuard<const SIZE: usize> {
    guard: UnsafeCell<MaybeUninit<[u8; PAGE]>>,
    stack: UnsafeCell<MaybeUninit<[u8; SIZE]>>,
}

// SAFETY: as for `Stack`; no code accesses a guard page.
unsafe impl<const SIZE: usize> Sync for StackAboveGuard<SIZE> {}

impl<const SIZE: usize> StackAboveGuard<SIZE> {
    #[allow(clippy::declare_interior_mutable_const, reason = "copied into statics, never used itself")]
    const UNUSED: Self =
        Self { guard: UnsafeCell::new(MaybeUninit::uninit()), stack: UnsafeCell::new(MaybeUninit::uninit()) };
}

impl<const COUNT: usize, const SIZE: usize> LayoutImpl<COUNT, SIZE> for Plain {
    type Memory = Row<Stack<SIZE>, COUNT>;
    const BELOW: usize = Self::Memory::BELOW;
    const SOUND: () = {
        assert!(SIZE.is_multiple_of(64), "greenlet: SIZE of a stack pool must be a multiple of 64 bytes");
        assert!(size_of::<Stack<SIZE>>() == SIZE && align_of::<Stack<SIZE>>() >= align_of::<Block>());
        assert!(align_of::<Block>() >= STACK_ALIGN);
    };

    fn slot(memory: &'static Self::Memory, number: usize) -> Slot {
        slot(memory.stacks[number].0.get().cast(), SIZE)
    }
}

impl<const COUNT: usize, const SIZE: usize> Layout<COUNT, SIZE> for Plain {
    const BYTES: usize =
        size_of::<<Self as LayoutImpl<COUNT, SIZE>>::Memory>() - <Self as LayoutImpl<COUNT, SIZE>>::BELOW;
}

impl<const COUNT: usize, const SIZE: usize> Inline<COUNT, SIZE> for Plain {
    #[allow(clippy::declare_interior_mutable_const, reason = "copied into statics, never used itself")]
    const UNUSED: Self::Memory = Row::of([const { Stack::UNUSED }; SPARE], [const { Stack::UNUSED }; COUNT]);
}

impl<const COUNT: usize, const SIZE: usize> LayoutImpl<COUNT, SIZE> for Guarded {
    type Memory = Row<StackAboveGuard<SIZE>, COUNT>;
    const BELOW: usize = Self::Memory::BELOW;
    const SOUND: () = {
        assert!(SIZE.is_multiple_of(PAGE), "greenlet: SIZE of a guarded stack pool must be a multiple of 4096 bytes");
        assert!(size_of::<StackAboveGuard<SIZE>>() == PAGE + SIZE);
        assert!(PAGE.is_multiple_of(align_of::<Block>()));
    };

    fn slot(memory: &'static Self::Memory, number: usize) -> Slot {
        slot(memory.stacks[number].stack.get().cast(), SIZE)
    }
}

impl<const COUNT: usize, const SIZE: usize> Layout<COUNT, SIZE> for Guarded {
    const BYTES: usize =
        size_of::<<Self as LayoutImpl<COUNT, SIZE>>::Memory>() - <Self as LayoutImpl<COUNT, SIZE>>::BELOW;
}

impl<const COUNT: usize, const SIZE: usize> Inline<COUNT, SIZE> for Guarded {
    #[allow(clippy::declare_interior_mutable_const, reason = "copied into statics, never used itself")]
    const UNUSED: Self::Memory =
        Row::of([const { StackAboveGuard::UNUSED }; SPARE], [const { StackAboveGuard::UNUSED }; COUNT]);
}

impl<const COUNT: usize, const SIZE: usize> Guards<COUNT, SIZE> for Guarded {
    fn guard(memory: &'static Self::Memory, number: usize) -> Range<usize> {
        let start = memory.stacks[number].guard.get().addr();
        start..start + PAGE
    }
}

impl<const COUNT: usize, const SIZE: usize, L: Layout<COUNT, SIZE>> LayoutImpl<COUNT, SIZE> for Placed<L> {
    type Memory = Apart<L::Memory>;
    const SOUND: () = L::SOUND;
    const BELOW: usize = 0;

    fn slot(memory: &'static Self::Memory, number: usize) -> Slot {
        L::slot(memory.stacks(), number)
    }
}

impl<const COUNT: usize, const SIZE: usize, L: Layout<COUNT, SIZE>> Layout<COUNT, SIZE> for Placed<L> {
    const BYTES: usize = L::BYTES;
}

impl<const COUNT: usize, const SIZE: usize, L: Guards<COUNT, SIZE>> Guards<COUNT, SIZE> for Placed<L> {
    fn guard(memory: &'static Self::Memory, number: usize) -> Range<usize> {
        L::guard(memory.stacks(), number)
    }
}

/// The memory of the `COUNT` stacks of a pool, of `SIZE` bytes each, in the layout `L`.
#[doc(hidden)]
pub type StackMemory<const COUNT: usize, const SIZE: usize, L> = <L as LayoutImpl<COUNT, SIZE>>::Memory;
