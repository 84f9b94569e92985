//! What a program keeps for each greenlet: values of its own, and the context that greenlets may share.

mod any_context;
mod context;
mod value;

pub use any_context::AnyContext;
pub use context::{Context, ContextPool};
pub use value::{GreenletLocal, LocalError};

pub(crate) use context::Shared;
pub(crate) use value::Attached;

use crate::records::block::BlockPtr;
use core::ptr;

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
        unsafe { value::detach_first(block) }
    } else {
        // SAFETY: the block owned a reference to it.
        unsafe { context::let_go(context) }
    }
}
