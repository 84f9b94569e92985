//! Stacks next to one another.

use super::slots::Slots;
use super::source::{Claim, Source};
use crate::arch::STACK_ALIGN;
use crate::block::Block;
use core::cell::UnsafeCell;
use core::mem::{MaybeUninit, align_of, size_of};
use core::ptr::NonNull;

/// Memory of one stack. The alignment keeps the control blocks, and so the hot words of a switch, on cache lines.
#[repr(C, align(64))]
struct Stack<const SIZE: usize>(UnsafeCell<[MaybeUninit<u8>; SIZE]>);

/// `COUNT` stacks of `SIZE` bytes, in a static.
///
/// `SIZE` is a multiple of 64, at least 1,024, and is all that a greenlet uses: its control block (192 bytes at most), its
/// body, and the stack that the body works on. `SIZE` and alignment are checked when the program is built. The memory is
/// not touched before a greenlet is created, and lies in `.bss`; the pool's own state is 16 bytes and 4 for each stack.
///
/// Claim and release take constant time. Several cores may share a pool; a slot is one greenlet's until the last reference
/// to that greenlet is gone.
///
/// ```
/// use greenlet::StackPool;
/// static WORKERS: StackPool<8, 4096> = StackPool::new();
/// static DEEP: StackPool<1, 65536> = StackPool::new();
/// assert_eq!(WORKERS.count(), 8);
/// ```
#[repr(C)]
pub struct StackPool<const COUNT: usize, const SIZE: usize> {
    slots: Slots<COUNT>,
    stacks: [Stack<SIZE>; COUNT],
}

// SAFETY: a stack is handed to whoever claimed its slot and to nobody else until the slot is released; claim and release
// synchronise through the atomics in `Slots`.
unsafe impl<const COUNT: usize, const SIZE: usize> Sync for StackPool<COUNT, SIZE> {}

impl<const COUNT: usize, const SIZE: usize> StackPool<COUNT, SIZE> {
    /// A pool with all stacks free. All bits zero.
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// static SMALL: StackPool<16, 2048> = StackPool::new(); // 32 KiB of .bss
    /// assert_eq!(SMALL.free(), 16);
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        const {
            assert!(SIZE.is_multiple_of(64), "greenlet: SIZE of a StackPool must be a multiple of 64 bytes");
            assert!(SIZE >= 1024, "greenlet: SIZE of a StackPool must be at least 1024 bytes");
            assert!(COUNT < u32::MAX as usize, "greenlet: COUNT of a StackPool must be below 2^32 - 1");
            assert!(size_of::<Stack<SIZE>>() == SIZE && align_of::<Stack<SIZE>>() >= align_of::<Block>());
            assert!(align_of::<Block>() >= STACK_ALIGN);
        }
        Self { slots: Slots::new(), stacks: [const { Stack(UnsafeCell::new([MaybeUninit::uninit(); SIZE])) }; COUNT] }
    }

    /// How many stacks there are.
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// static STACKS: StackPool<8, 4096> = StackPool::new();
    /// assert_eq!(STACKS.count() - STACKS.free(), 0); // in use
    /// ```
    #[must_use]
    pub const fn count(&self) -> usize {
        COUNT
    }

    /// Bytes of one stack.
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// static STACKS: StackPool<8, 4096> = StackPool::new();
    /// assert_eq!(STACKS.stack_size(), 4096);
    /// ```
    #[must_use]
    pub const fn stack_size(&self) -> usize {
        SIZE
    }

    /// How many stacks are free. Takes as many steps as there are free ones; exact if no other core uses the pool meanwhile.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static TREE: Tree<u32> = Tree::new();
    /// static STACKS: StackPool<2, 4096> = StackPool::new();
    /// TREE.enter(|main| {
    ///     let g = main.spawn(&STACKS, |_me, x| Ok(x)).unwrap();
    ///     assert_eq!(STACKS.free(), 1);
    ///     drop(g);
    ///     assert_eq!(STACKS.free(), 2);
    /// }).unwrap();
    /// ```
    #[must_use]
    pub fn free(&self) -> usize {
        self.slots.free()
    }

    /// Bytes of memory that the whole pool takes, with what it knows of its stacks.
    ///
    /// ```
    /// # use greenlet::StackPool;
    /// const _: () = assert!(StackPool::<8, 4096>::BYTES <= 33 * 1024);
    /// ```
    pub const BYTES: usize = size_of::<Self>();
}

impl<const COUNT: usize, const SIZE: usize> Source for StackPool<COUNT, SIZE> {
    const COUNT: usize = COUNT;
    const SIZE: usize = SIZE;

    fn claim(&'static self) -> Option<Claim> {
        let slot = self.slots.claim()?;
        let limit = self.stacks[slot as usize].0.get().cast::<u8>();
        Some(Claim::of(limit, SIZE, self.slots.erase(), slot))
    }

    fn home(&'static self) -> NonNull<Slots<0>> {
        self.slots.erase()
    }
}

impl<const COUNT: usize, const SIZE: usize> Default for StackPool<COUNT, SIZE> {
    fn default() -> Self {
        Self::new()
    }
}
