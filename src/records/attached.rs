//! What is attached to a greenlet, with the types erased: its context (a `Context<C>`) and its values (of
//! `GreenletLocal`s).

use crate::records::block::{BlockPtr, too_many_references};
use crate::records::panic;
use crate::records::pool::Slots;
use core::any::TypeId;
use core::cell::Cell;
use core::ptr::{self, NonNull};

/// The head of a greenlet's value, which is an entry in a `GreenletLocal`. Entries of one greenlet form a linked list.
pub(crate) struct Attached {
    /// Detaches an entry of this one's type. The code that frees a greenlet reaches it only through this pointer, so a
    /// program that uses no values does not link it.
    pub(crate) detach: unsafe fn(BlockPtr),
    pub(crate) next: Cell<*const Attached>,
    /// Address of the `GreenletLocal`, which identifies the value.
    pub(crate) key: *const (),
    pub(crate) home: NonNull<Slots<0>>,
    pub(crate) slot: u32,
}

/// The head of a context.
pub(crate) struct Shared {
    /// Destroys a context of this one's type. Reached only through this pointer, so a program that uses no contexts
    /// does not link it.
    pub(crate) destroy: unsafe fn(*const Shared),
    pub(crate) refs: Cell<u32>,
    pub(crate) kind: TypeId,
    /// The context below this one (see `ContextPool::create_over`), a counted reference; null for none.
    pub(crate) below: *const Shared,
    pub(crate) home: NonNull<Slots<0>>,
    pub(crate) slot: u32,
}

/// Whether a greenlet has a context or a value.
#[inline]
pub(crate) fn is_attached(block: BlockPtr) -> bool {
    !block.local_context.get().is_null() || !block.attached.get().is_null()
}

/// Drops one thing that is attached to a greenlet which is being freed: its context, or else one of its values. The
/// caller repeats this until nothing is attached, because a destructor may attach more.
///
/// # Safety
///
/// No reference to the greenlet exists, and [something is attached](is_attached).
pub(crate) unsafe fn detach(block: BlockPtr) {
    let context = block.local_context.replace(ptr::null());
    if context.is_null() {
        // SAFETY: without a context there is a value. The block owns its values, and nothing else uses them any more.
        unsafe { detach_first(block) }
    } else {
        // SAFETY: the block owned a reference to it.
        unsafe { release(context) }
    }
}

/// Detaches the first value of a greenlet, of whatever type.
///
/// # Safety
///
/// The greenlet has a value, and nothing uses it any more.
unsafe fn detach_first(block: BlockPtr) {
    // SAFETY: by the contract there is a first entry, and entries in a list are initialised.
    let detach = unsafe { (*block.attached.get()).detach };
    // SAFETY: the caller's contract. The code that attached the entry stored the function of its type there.
    unsafe { detach(block) }
}

/// Counts one more reference to a context of whatever type.
///
/// # Safety
///
/// The caller has a reference to the context.
pub(crate) unsafe fn retain(shared: *const Shared) {
    // SAFETY: by the contract.
    let refs = unsafe { &(*shared).refs };
    match refs.get().checked_add(1) {
        Some(more) => refs.set(more),
        None => too_many_references(),
    }
}

/// Releases a reference to a context of whatever type. If that was the last one, destroys the context, then releases
/// its reference to the context below, and so on, also after a destructor that panics. The last panic is resumed;
/// without `std` the first one ends the program.
///
/// # Safety
///
/// The caller owns the reference.
pub(crate) unsafe fn release(shared: *const Shared) {
    let (mut at, mut panicked) = (shared, None);
    while !at.is_null() {
        // SAFETY: it exists, because this function owns a reference to it.
        let head = unsafe { &*at };
        let refs = head.refs.get() - 1;
        head.refs.set(refs);
        if refs > 0 {
            break;
        }
        let (below, destroy) = (head.below, head.destroy);
        // Caught for the last context as well: without `std` the outcome must not depend on whether contexts are below.
        // SAFETY: no reference to it is left. `ContextPool::create_over` stored the function of its type there.
        panicked = panic::last(panicked, panic::catch(|| unsafe { destroy(at) }).err());
        at = below; // this function owns the reference of the context above now
    }
    if let Some(payload) = panicked {
        panic::resume(payload);
    }
}
