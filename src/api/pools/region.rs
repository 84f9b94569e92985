//! Stacks in memory that the caller provides.

use super::check;
use crate::api::pools::Plain;
use crate::records::errors::Refused;
use crate::records::pool::{Claim, CoreRef, FreeList, List, NoStack, PoolImpl, slot};
use core::fmt;
use core::mem::{MaybeUninit, align_of, size_of};
use core::ptr;

/// The alignment of stacks, in bytes.
const ALIGN: usize = 64;

/// A pool of stacks of `SIZE` bytes in memory that the caller provides, for one core at a time.
///
/// It has as many stacks as fit; in all else it is like a [`StackPool`](super::StackPool).
///
/// The pool's own state is at the start of the memory, below the lowest stack. An overflow of the lowest stack
/// overwrites that state first, and then the memory before it.
///
/// ```
/// # use greenlet::Tree;
/// # use std::mem::MaybeUninit;
/// use greenlet::StackRegion;
/// # static TREE: Tree<u32> = Tree::new();
/// # let memory: &'static mut [MaybeUninit<u8>] = Box::leak(Box::new([MaybeUninit::uninit(); 40_000]));
/// // `memory`: 40000 bytes, from any source
/// let stacks: &'static StackRegion<8192> = StackRegion::carve(memory).unwrap();
/// assert_eq!(stacks.count(), 4);
/// # TREE.enter(|main| {
/// let g = main.spawn(stacks, |_me, x| Ok(x + 1)).unwrap();
/// assert_eq!(g.switch(1), Ok(2));
/// # }).unwrap();
/// ```
pub struct StackRegion<const SIZE: usize, const HEADROOM: usize = 0> {
    list: List,
    /// The lowest address of the first stack.
    stacks: *mut u8,
    count: usize,
}

// SAFETY: the memory of a stack is used by the greenlet that claimed it only; the list has atomic fields, and the other
// fields are only read.
unsafe impl<const SIZE: usize, const HEADROOM: usize> Sync for StackRegion<SIZE, HEADROOM> {}

/// The error of [`StackRegion::carve`]: the memory is too small for one stack.
///
/// ```
/// # use std::mem::MaybeUninit;
/// use greenlet::{StackRegion, TooSmall};
/// let memory = Box::leak(Box::new([MaybeUninit::<u8>::uninit(); 100]));
/// let refused = StackRegion::<4096>::carve(memory).unwrap_err();
/// let TooSmall { bytes, needs, .. } = refused.reason;
/// assert!(bytes == 100 && needs > 4096);
/// assert_eq!(refused.returned.len(), 100); // the memory is returned
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct TooSmall {
    /// The bytes of the memory.
    pub bytes: usize,
    /// The bytes that one stack needs, if the memory begins at this address.
    pub needs: usize,
}

impl fmt::Display for TooSmall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, needs } = self;
        write!(
            f,
            "{bytes} bytes hold no stack, which takes {needs} here; give `StackRegion` more memory, or a smaller SIZE"
        )
    }
}

impl core::error::Error for TooSmall {}

/// The types of bytes that [`StackRegion::carve`] accepts: `u8` and `MaybeUninit<u8>`. Sealed.
///
/// ```
/// # use greenlet::StackRegion;
/// let zeroed: &'static mut [u8] = Box::leak(Box::new([0; 8192]));
/// assert_eq!(StackRegion::<1024>::carve(zeroed).unwrap().count(), 7);
/// ```
pub trait Byte: sealed::Sealed + 'static {}

impl Byte for u8 {}
impl Byte for MaybeUninit<u8> {}

mod sealed {
    #[doc(hidden)]
    pub trait Sealed {}
    impl Sealed for u8 {}
    impl Sealed for core::mem::MaybeUninit<u8> {}
}

impl<const SIZE: usize, const HEADROOM: usize> StackRegion<SIZE, HEADROOM> {
    /// Returns the bytes of memory that are enough for `count` stacks, whatever the alignment of the memory.
    ///
    /// # Panics
    ///
    /// If the result exceeds `isize::MAX`; in a constant this is a compile-time error.
    ///
    /// ```
    /// # use greenlet::StackRegion;
    /// let memory: &'static mut [u8] = Box::leak(Box::new([0; StackRegion::<4096>::bytes(3)]));
    /// assert_eq!(StackRegion::<4096>::carve(memory).unwrap().count(), 3);
    /// ```
    #[must_use]
    pub const fn bytes(count: usize) -> usize {
        // The most bytes before the first stack: alignment of the pool's state, that state, alignment of the stack.
        let before = align_of::<Self>() - 1 + size_of::<Self>() + ALIGN - 1;
        match count.checked_mul(SIZE) {
            Some(stacks) if stacks <= isize::MAX as usize - before => before + stacks,
            _ => panic!("greenlet: no memory holds that many stacks; ask for fewer, or use a smaller SIZE"),
        }
    }

    /// Divides `memory` into stacks, and returns the pool, which is placed at its start.
    ///
    /// # Errors
    ///
    /// [`TooSmall`]: the memory is too small for one stack. The error returns the memory.
    ///
    /// ```
    /// # use greenlet::StackRegion;
    /// # use std::mem::MaybeUninit;
    /// let memory = Box::leak(Box::new([MaybeUninit::<u8>::uninit(); 20_000]));
    /// let stacks = StackRegion::<4096>::carve(memory).unwrap();
    /// assert_eq!((stacks.count(), stacks.free()), (4, 4));
    /// ```
    pub fn carve<B: Byte>(memory: &'static mut [B]) -> Result<&'static Self, Refused<TooSmall, &'static mut [B]>> {
        const { check::<0, SIZE, HEADROOM, Plain>() }
        let (bytes, start) = (memory.len(), memory.as_mut_ptr());
        let head = start.cast::<u8>().align_offset(align_of::<Self>());
        let after = head.saturating_add(size_of::<Self>());
        let first = after.saturating_add(start.cast::<u8>().wrapping_add(after).align_offset(ALIGN));
        let count = bytes.saturating_sub(first) / SIZE;
        if count == 0 {
            return Err(Refused { reason: TooSmall { bytes, needs: first.saturating_add(SIZE) }, returned: memory });
        }
        let start = ptr::from_mut(memory).cast::<u8>();
        let region = start.wrapping_add(head).cast::<Self>();
        let count = count.min(u32::MAX as usize - 1);
        // SAFETY: aligned and in bounds, as computed above; the exclusive `'static` borrow gives this pool the memory
        // for ever.
        unsafe { region.write(Self { list: List::new(), stacks: start.wrapping_add(first), count }) };
        // SAFETY: written above, and never moved.
        Ok(unsafe { &*region })
    }

    /// Returns the number of stacks, free or in use.
    ///
    /// ```
    /// # use greenlet::StackRegion;
    /// # let memory = Box::leak(Box::new([0; 20_000]));
    /// assert_eq!(StackRegion::<1024>::carve(memory).unwrap().count(), 19);
    /// ```
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Returns the number of free stacks. Exact if no other core uses the pool during the call.
    ///
    /// ```
    /// # use greenlet::StackRegion;
    /// # let memory = Box::leak(Box::new([0; 20_000]));
    /// assert_eq!(StackRegion::<1024>::carve(memory).unwrap().free(), 19);
    /// ```
    #[must_use]
    pub fn free(&self) -> usize {
        self.count.saturating_sub(self.list.in_use())
    }
}

impl<const SIZE: usize, const HEADROOM: usize> PoolImpl for StackRegion<SIZE, HEADROOM> {
    const SIZE: usize = SIZE;
    const HEADROOM: usize = HEADROOM;

    type Free = List;

    #[inline]
    fn free_list(&self) -> &List {
        &self.list
    }

    fn claim(&'static self, core: CoreRef) -> Result<Claim, NoStack> {
        let unused = |number| (number < self.count).then(|| slot(self.stacks.wrapping_add(number * SIZE), SIZE));
        let (place, home) = FreeList::claim(&self.list, core, unused)?;
        Ok(Claim::of(place, SIZE, home))
    }

    fn stacks(&self) -> usize {
        self.count
    }
}

impl<const SIZE: usize, const HEADROOM: usize> fmt::Debug for StackRegion<SIZE, HEADROOM> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut region = f.debug_struct("StackRegion");
        region.field("count", &self.count).field("size", &SIZE).field("free", &self.free()).finish()
    }
}
