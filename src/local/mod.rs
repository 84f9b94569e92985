//! What a program keeps for each greenlet: values of its own, and the context that greenlets may share.

mod context;
mod value;

pub use context::{Context, ContextPool};
pub use value::{GreenletLocal, LocalError};

pub(crate) use context::Shared;
pub(crate) use value::Attached;

use crate::block::BlockPtr;
use core::ptr;

/// Whether anything was kept for a greenlet.
#[inline]
pub(crate) fn is_attached(block: BlockPtr) -> bool {
    !block.local_context.get().is_null() || !block.attached.get().is_null()
}

/// Drops everything that was kept for a greenlet which is being freed.
///
/// # Safety
///
/// Nobody refers to the greenlet.
pub(crate) unsafe fn detach(block: BlockPtr) {
    let context = block.local_context.replace(ptr::null());
    if !context.is_null() {
        // SAFETY: the block owned a reference to it.
        unsafe { context::release(context) };
    }
    loop {
        let first = block.attached.get();
        if first.is_null() {
            break;
        }
        // SAFETY: the block owns its values; nobody can look at them any more. One at a time is taken out and dropped, and
        // the chain is read again: a destructor may do what it likes.
        unsafe { value::drop_first(block, first) };
    }
}
