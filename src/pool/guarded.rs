//! Stacks with a page below each that traps.

use super::slots::Slots;
use super::source::{Claim, Source};
use core::cell::UnsafeCell;
use core::fmt;
use core::mem::{MaybeUninit, size_of};
use core::ops::Range;
use core::ptr::NonNull;

/// Bytes of a page, and of a guard.
const PAGE: usize = 4096;

/// A stack above its guard.
#[repr(C, align(4096))]
struct Guarded<const SIZE: usize> {
    guard: UnsafeCell<[MaybeUninit<u8>; PAGE]>,
    stack: UnsafeCell<[MaybeUninit<u8>; SIZE]>,
}

/// `COUNT` stacks of `SIZE` bytes in a static, each above a page of 4,096 bytes that nothing may touch.
///
/// As a [`StackPool`](super::StackPool), and for firmware with an MMU: it takes the pages that [`guards`](Self::guards) names out
/// of its map. Then a greenlet that overflows its stack faults at the first access below it, before it has overwritten anything:
/// [`stack_of`](crate::stack_of) tells the fault handler whose stack that was. A function with a frame larger than a page does not
/// step over the guard where the compiler probes the stack, as it does for x86_64 and aarch64.
///
/// `SIZE` is a multiple of 4,096. The pool takes `COUNT * (SIZE + 4096)` bytes, and a page more for what it knows of its stacks.
///
/// ```
/// use greenlet::GuardedStackPool;
/// static STACKS: GuardedStackPool<2, 8192> = GuardedStackPool::new();
/// let guards: Vec<_> = STACKS.guards().collect();
/// assert_eq!(guards.len(), 2);
/// assert!(guards.iter().all(|guard| guard.len() == 4096 && guard.start % 4096 == 0));
/// assert_eq!(guards[1].start - guards[0].end, 8192);
/// ```
#[repr(C)]
pub struct GuardedStackPool<const COUNT: usize, const SIZE: usize> {
    slots: Slots<COUNT>,
    stacks: [Guarded<SIZE>; COUNT],
}

// SAFETY: as for `StackPool`; nobody touches a guard.
unsafe impl<const COUNT: usize, const SIZE: usize> Sync for GuardedStackPool<COUNT, SIZE> {}

impl<const COUNT: usize, const SIZE: usize> GuardedStackPool<COUNT, SIZE> {
    /// Bytes of memory that the whole pool takes, guards and what it knows of its stacks included.
    ///
    /// ```
    /// # use greenlet::GuardedStackPool;
    /// const _: () = assert!(GuardedStackPool::<8, 4096>::BYTES == 17 * 4096);
    /// ```
    pub const BYTES: usize = size_of::<Self>();

    /// A pool with all stacks free. All bits zero.
    ///
    /// ```
    /// # use greenlet::GuardedStackPool;
    /// static STACKS: GuardedStackPool<4, 8192> = GuardedStackPool::new();
    /// assert_eq!(STACKS.free(), 4);
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        const {
            assert!(
                SIZE.is_multiple_of(PAGE) && SIZE > 0,
                "greenlet: SIZE of a GuardedStackPool must be a multiple of 4096 bytes"
            );
            assert!(COUNT < u32::MAX as usize, "greenlet: COUNT of a GuardedStackPool must be below 2^32 - 1");
            assert!(size_of::<Guarded<SIZE>>() == PAGE + SIZE);
        }
        Self {
            slots: Slots::new(),
            stacks: [const {
                Guarded {
                    guard: UnsafeCell::new([MaybeUninit::uninit(); PAGE]),
                    stack: UnsafeCell::new([MaybeUninit::uninit(); SIZE]),
                }
            }; COUNT],
        }
    }

    /// The addresses of the guards, from the lowest stack to the highest: each a page, aligned to one.
    ///
    /// ```
    /// # use greenlet::GuardedStackPool;
    /// # fn unmap(_page: usize) {}
    /// static STACKS: GuardedStackPool<4, 8192> = GuardedStackPool::new();
    /// STACKS.guards().for_each(|guard| unmap(guard.start));
    /// ```
    pub fn guards(&'static self) -> impl ExactSizeIterator<Item = Range<usize>> {
        self.stacks.iter().map(|stack| {
            let start = stack.guard.get().addr();
            start..start + PAGE
        })
    }

    /// How many stacks are free. As [`StackPool::free`](super::StackPool::free).
    ///
    /// ```
    /// # use greenlet::GuardedStackPool;
    /// static STACKS: GuardedStackPool<4, 8192> = GuardedStackPool::new();
    /// assert_eq!(STACKS.free(), 4);
    /// ```
    #[must_use]
    pub fn free(&self) -> usize {
        self.slots.free()
    }
}

impl<const COUNT: usize, const SIZE: usize> Default for GuardedStackPool<COUNT, SIZE> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const COUNT: usize, const SIZE: usize> fmt::Debug for GuardedStackPool<COUNT, SIZE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedStackPool").field("count", &COUNT).field("size", &SIZE).finish_non_exhaustive()
    }
}

impl<const COUNT: usize, const SIZE: usize> Source for GuardedStackPool<COUNT, SIZE> {
    const COUNT: usize = COUNT;
    const SIZE: usize = SIZE;

    fn claim(&'static self) -> Option<Claim> {
        let slot = self.slots.claim()?;
        let limit = self.stacks[slot as usize].stack.get().cast::<u8>();
        Some(Claim::of(limit, SIZE, self.slots.erase(), slot))
    }

    fn home(&'static self) -> NonNull<Slots<0>> {
        self.slots.erase()
    }
}
