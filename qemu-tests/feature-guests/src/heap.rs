//! The allocator of all guests here: a program with greenlet's feature `alloc` must have one. It is empty until a guest
//! gives it memory.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;

use linked_list_allocator::LockedHeap;

#[global_allocator]
static HEAP: LockedHeap = LockedHeap::empty();

/// Bytes that [`give`] gives.
pub const BYTES: usize = 256 * 1024;

struct Memory(UnsafeCell<[MaybeUninit<u8>; BYTES]>);

// SAFETY: the allocator has it to itself.
unsafe impl Sync for Memory {}

static MEMORY: Memory = Memory(UnsafeCell::new([MaybeUninit::uninit(); BYTES]));

/// Gives the allocator its memory. Once.
///
/// # Panics
///
/// When it has it already.
pub fn give() {
    let mut heap = HEAP.lock();
    assert_eq!(heap.size(), 0, "the allocator has its memory");
    // SAFETY: the memory lives for ever, nothing else uses it, and the allocator has none yet.
    unsafe { heap.init(MEMORY.0.get().cast(), BYTES) };
}

/// Bytes that are in use.
#[must_use]
pub fn used() -> usize {
    HEAP.lock().used()
}
