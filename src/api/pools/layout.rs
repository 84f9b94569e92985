//! How the stacks of a pool lie.

use super::placed::Apart;
use crate::arch::STACK_ALIGN;
use crate::records::block::Block;
use crate::records::pool::{Place, place};
use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::mem::{MaybeUninit, align_of, size_of};
use core::ops::Range;

/// Bytes of a page, and of a guard.
const PAGE: usize = 4096;

/// Whether there is room below the lowest stack that nobody gets: a stack and [`FAR`], on systems where memory that nobody touches is
/// addresses and no RAM. What overflows another stack meets a stack, and is noticed when the greenlet leaves; the lowest one would
/// meet what the linker has put there, which may be memory that cannot be written, or what a report is written with.
pub(super) const SPARE: usize = if cfg!(all(any(target_os = "linux", target_os = "macos"), not(miri))) { 1 } else { 0 };
/// Bytes that a small stack may be overflowed by, at opt-level 0, by one call that formats.
pub(super) const FAR: usize = SPARE * (64 << 10);

/// How the stacks of a pool lie: [`Plain`], [`Guarded`], or [`Placed`]. Not to be implemented elsewhere.
///
/// ```
/// use greenlet::{Layout, Plain, StackPool};
/// fn describe<L: Layout<8, 4096>>(_: &'static StackPool<8, 4096, 0, L>) -> usize {
///     L::BYTES
/// }
/// static STACKS: StackPool<8, 4096> = StackPool::new();
/// assert_eq!(describe(&STACKS), <Plain as Layout<8, 4096>>::BYTES);
/// ```
pub trait Layout<const COUNT: usize, const SIZE: usize>: Lay<COUNT, SIZE> {
    /// Bytes of memory that the stacks take, guards included. Without what is left free below them on Linux and macOS, where
    /// memory that nobody touches takes none.
    const BYTES: usize;
}

/// Stacks next to one another, in the pool itself. `SIZE` is a multiple of 64, and 1,024 at least.
///
/// ```
/// use greenlet::{Plain, StackPool};
/// static STACKS: StackPool<8, 4096, 0, Plain> = StackPool::new(); // what `StackPool<8, 4096>` is
/// ```
pub enum Plain {}

/// Each stack above a page of 4,096 bytes that nothing may touch; see [`GuardedStackPool`](super::GuardedStackPool).
///
/// ```
/// use greenlet::{Guarded, SharedStackPool};
/// static STACKS: SharedStackPool<8, 4096, 0, Guarded> = SharedStackPool::new();
/// assert_eq!(STACKS.guards().len(), 8);
/// ```
pub enum Guarded {}

/// As `L`, in memory apart from the pool; see [`stack_pool!`](crate::stack_pool).
///
/// ```
/// use greenlet::{Placed, StackPool};
/// # use greenlet::{SpawnError, Tree};
/// greenlet::stack_pool! { static STACKS: StackPool<8, 4096>; }
/// let stacks: &'static StackPool<8, 4096, 0, Placed> = &STACKS;
/// assert_eq!(stacks.free(), 8);
/// ```
pub struct Placed<L = Plain>(PhantomData<L>);

/// What the kernel asks of a layout. Public in a private place, so that nobody else can implement it.
#[doc(hidden)]
pub trait Lay<const COUNT: usize, const SIZE: usize> {
    /// What a pool holds.
    type Memory: Sync + 'static;
    /// Checked when a pool is built.
    const SOUND: ();
    /// Bytes in what a pool holds that are below the lowest stack, and that nobody gets.
    const BELOW: usize;

    /// Where the control block of a stack goes.
    fn place(memory: &'static Self::Memory, number: usize) -> Place;
}

/// A layout whose memory is in the pool, or in a static of its own.
#[doc(hidden)]
pub trait Inline<const COUNT: usize, const SIZE: usize>: Layout<COUNT, SIZE> {
    /// Memory that nobody uses yet.
    const UNUSED: Self::Memory;
}

/// A layout with guards.
#[doc(hidden)]
pub trait Guards<const COUNT: usize, const SIZE: usize>: Layout<COUNT, SIZE> {
    /// Where the guard below a stack is.
    fn guard(memory: &'static Self::Memory, number: usize) -> Range<usize>;
}

/// Stacks, one above the other, and what is to [spare](SPARE) below them.
#[repr(C)]
#[doc(hidden)]
pub struct Row<T, const COUNT: usize> {
    far: [MaybeUninit<u8>; FAR],
    spare: [T; SPARE],
    stacks: [T; COUNT],
}

impl<T, const COUNT: usize> Row<T, COUNT> {
    const BELOW: usize = size_of::<Self>() - size_of::<[T; COUNT]>();

    const fn of(spare: [T; SPARE], stacks: [T; COUNT]) -> Self {
        Self { far: [MaybeUninit::uninit(); FAR], spare, stacks }
    }
}

/// Memory of one stack. The alignment keeps the control blocks, and so the hot words of a switch, on cache lines.
#[repr(C, align(64))]
#[doc(hidden)]
pub struct Stack<const SIZE: usize>(UnsafeCell<[MaybeUninit<u8>; SIZE]>);

// SAFETY: who claimed a stack uses its memory, and nobody else.
unsafe impl<const SIZE: usize> Sync for Stack<SIZE> {}

impl<const SIZE: usize> Stack<SIZE> {
    #[allow(clippy::declare_interior_mutable_const, reason = "copied into statics, never used itself")]
    const UNUSED: Self = Self(UnsafeCell::new([MaybeUninit::uninit(); SIZE]));
}

/// A stack above its guard.
#[repr(C, align(4096))]
#[doc(hidden)]
pub struct StackAboveGuard<const SIZE: usize> {
    guard: UnsafeCell<[MaybeUninit<u8>; PAGE]>,
    stack: UnsafeCell<[MaybeUninit<u8>; SIZE]>,
}

// SAFETY: as for `Stack`; nobody touches a guard.
unsafe impl<const SIZE: usize> Sync for StackAboveGuard<SIZE> {}

impl<const SIZE: usize> StackAboveGuard<SIZE> {
    #[allow(clippy::declare_interior_mutable_const, reason = "copied into statics, never used itself")]
    const UNUSED: Self = Self {
        guard: UnsafeCell::new([MaybeUninit::uninit(); PAGE]),
        stack: UnsafeCell::new([MaybeUninit::uninit(); SIZE]),
    };
}

impl<const COUNT: usize, const SIZE: usize> Lay<COUNT, SIZE> for Plain {
    type Memory = Row<Stack<SIZE>, COUNT>;
    const BELOW: usize = Self::Memory::BELOW;
    const SOUND: () = {
        assert!(SIZE.is_multiple_of(64), "greenlet: SIZE of a stack pool must be a multiple of 64 bytes");
        assert!(size_of::<Stack<SIZE>>() == SIZE && align_of::<Stack<SIZE>>() >= align_of::<Block>());
        assert!(align_of::<Block>() >= STACK_ALIGN);
    };

    fn place(memory: &'static Self::Memory, number: usize) -> Place {
        place(memory.stacks[number].0.get().cast(), SIZE)
    }
}

impl<const COUNT: usize, const SIZE: usize> Layout<COUNT, SIZE> for Plain {
    const BYTES: usize = size_of::<<Self as Lay<COUNT, SIZE>>::Memory>() - <Self as Lay<COUNT, SIZE>>::BELOW;
}

impl<const COUNT: usize, const SIZE: usize> Inline<COUNT, SIZE> for Plain {
    #[allow(clippy::declare_interior_mutable_const, reason = "copied into statics, never used itself")]
    const UNUSED: Self::Memory = Row::of([const { Stack::UNUSED }; SPARE], [const { Stack::UNUSED }; COUNT]);
}

impl<const COUNT: usize, const SIZE: usize> Lay<COUNT, SIZE> for Guarded {
    type Memory = Row<StackAboveGuard<SIZE>, COUNT>;
    const BELOW: usize = Self::Memory::BELOW;
    const SOUND: () = {
        assert!(SIZE.is_multiple_of(PAGE), "greenlet: SIZE of a guarded stack pool must be a multiple of 4096 bytes");
        assert!(size_of::<StackAboveGuard<SIZE>>() == PAGE + SIZE);
        assert!(PAGE.is_multiple_of(align_of::<Block>()));
    };

    fn place(memory: &'static Self::Memory, number: usize) -> Place {
        place(memory.stacks[number].stack.get().cast(), SIZE)
    }
}

impl<const COUNT: usize, const SIZE: usize> Layout<COUNT, SIZE> for Guarded {
    const BYTES: usize = size_of::<<Self as Lay<COUNT, SIZE>>::Memory>() - <Self as Lay<COUNT, SIZE>>::BELOW;
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

impl<const COUNT: usize, const SIZE: usize, L: Layout<COUNT, SIZE>> Lay<COUNT, SIZE> for Placed<L> {
    type Memory = Apart<L::Memory>;
    const SOUND: () = L::SOUND;
    const BELOW: usize = 0;

    fn place(memory: &'static Self::Memory, number: usize) -> Place {
        L::place(memory.stacks(), number)
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

/// The memory of a pool's stacks: `COUNT` of `SIZE` bytes.
#[doc(hidden)]
pub type StackMemory<const COUNT: usize, const SIZE: usize, L> = <L as Lay<COUNT, SIZE>>::Memory;
