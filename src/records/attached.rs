//! What is kept for a greenlet, its context and its values, without their types.

use crate::records::block::{BlockPtr, too_many_references};
use crate::records::pool::Slots;
use core::any::TypeId;
use core::cell::Cell;
use core::mem::ManuallyDrop;
use core::ptr::{self, NonNull};

/// The head of an entry, in the chain of its greenlet.
pub(crate) struct Attached {
    /// Detaches a value of this one's type. Who frees a greenlet comes to it by this pointer alone, so that a program without values
    /// has none of that code.
    pub(crate) detach: unsafe fn(BlockPtr),
    pub(crate) next: Cell<*const Attached>,
    /// Address of the static: which value this is.
    pub(crate) key: *const (),
    pub(crate) home: NonNull<Slots<0>>,
    pub(crate) slot: u32,
}

/// The head of a context: what is known without the type.
pub(crate) struct Shared {
    /// Destroys a context of this one's type. Who frees a greenlet comes to it by this pointer alone, so that a program without
    /// contexts has none of that code.
    pub(crate) destroy: unsafe fn(*const Shared),
    pub(crate) refs: Cell<u32>,
    pub(crate) kind: TypeId,
    /// What it stands over, a counted reference; null for none.
    pub(crate) below: *const Shared,
    pub(crate) home: NonNull<Slots<0>>,
    pub(crate) slot: u32,
}

/// Whether anything was kept for a greenlet.
#[inline]
pub(crate) fn is_attached(block: BlockPtr) -> bool {
    !block.local_context.get().is_null() || !block.attached.get().is_null()
}

/// Drops one of the things that were kept for a greenlet which is being freed: its context first, then its values. One at a time,
/// and what there is is read again after each: a destructor may do what it likes.
///
/// # Safety
///
/// Nobody refers to the greenlet, and [something is attached](is_attached).
pub(crate) unsafe fn detach(block: BlockPtr) {
    let context = block.local_context.replace(ptr::null());
    if context.is_null() {
        // SAFETY: then there is a value. The block owns its values; nobody can look at them any more.
        unsafe { detach_first(block) }
    } else {
        // SAFETY: the block owned a reference to it.
        unsafe { let_go(context) }
    }
}

/// Detaches the first value of a greenlet's chain, of whatever type.
///
/// # Safety
///
/// There is one, and nobody looks at it any more.
unsafe fn detach_first(block: BlockPtr) {
    // SAFETY: by the contract there is a first entry; entries in a chain are written.
    let detach = unsafe { (*block.attached.get()).detach };
    // SAFETY: the caller's contract; the code that attached it put the function of its own type there.
    unsafe { detach(block) }
}

/// # Safety
///
/// The caller refers to the context.
pub(crate) unsafe fn retain(shared: *const Shared) {
    // SAFETY: by the contract.
    let refs = unsafe { &(*shared).refs };
    match refs.get().checked_add(1) {
        Some(more) => refs.set(more),
        None => too_many_references(),
    }
}

/// Gives up a reference to a context of whatever type; and to what it stood over, if that was the last one, and so on.
///
/// # Safety
///
/// The caller owns the reference.
pub(crate) unsafe fn let_go(shared: *const Shared) {
    /// What is to be given up next, also when a destructor panics.
    struct Below(*const Shared);
    impl Drop for Below {
        fn drop(&mut self) {
            // SAFETY: the reference was that of the context above, which is gone.
            unsafe { let_go(self.0) }
        }
    }
    let mut at = shared;
    while !at.is_null() {
        // SAFETY: it exists: the reference is ours.
        let head = unsafe { &*at };
        let refs = head.refs.get() - 1;
        head.refs.set(refs);
        if refs > 0 {
            return;
        }
        let below = Below(head.below);
        // SAFETY: nobody refers to it; `ContextPool::create_over` put the function of its own type there.
        unsafe { (head.destroy)(at) };
        at = ManuallyDrop::new(below).0;
    }
}
