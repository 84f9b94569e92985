//! The body of a greenlet that has not started: a closure at the saved stack pointer, and the two functions that are
//! generic over its type, one to start it and one to drop it.

use crate::kernel::me::Me;
use crate::kernel::thrown::Outcome;
use crate::kernel::transfer::word::is_wide;
use crate::records::block::{BlockPtr, NO_BODY};
use core::mem::{ManuallyDrop, align_of, size_of};
use core::ptr;

/// The types of bodies: closures that take a borrow of their greenlet, and the first value that is sent to it.
pub(crate) trait Body<V: 'static, E: 'static>: FnOnce(&Me<V, E>, V) -> Outcome<V, E> + 'static {}
impl<V: 'static, E: 'static, F: FnOnce(&Me<V, E>, V) -> Outcome<V, E> + 'static> Body<V, E> for F {}

/// Drops a body in place.
///
/// # Safety
///
/// `closure` points to a valid `F`, which is not used afterwards.
unsafe fn drop_closure<F>(closure: *mut u8) {
    // SAFETY: by the contract.
    unsafe { ptr::drop_in_place(closure.cast::<F>()) }
}

/// As [`install`], for a greenlet that was created without a body.
///
/// # Safety
///
/// As for [`install`].
pub(crate) unsafe fn install_late<V: 'static, E: 'static, F: Body<V, E>>(block: BlockPtr, body: F) {
    // SAFETY: the same contract.
    unsafe { install::<V, E, F>(block, body) };
    block.clear(NO_BODY);
}

/// Moves `body` to the base of the stack of `block`, an unstarted greenlet without a body, and makes its context fresh.
///
/// # Safety
///
/// The stack has room for it: `pools::least::needs` bytes. The greenlet is of a tree of `V` and `E`.
pub(crate) unsafe fn install<V: 'static, E: 'static, F: Body<V, E>>(block: BlockPtr, body: F) {
    let base = block.as_ptr().cast_mut().cast::<u8>();
    let align = if align_of::<F>() > crate::arch::STACK_ALIGN { align_of::<F>() } else { crate::arch::STACK_ALIGN };
    let down = size_of::<F>() + (base.addr() - size_of::<F>()) % align;
    // Within the stack, by the contract; aligned for `F` and for a stack pointer.
    let place = base.wrapping_sub(down);
    // SAFETY: no code uses the stack of an unstarted greenlet, and it holds nothing there.
    unsafe { place.cast::<F>().write(body) };
    block.context.fresh(place, crate::kernel::transfer::life::entry::<V, E, F>, is_wide::<V>());
    block.set_body(Some(drop_closure::<F>));
}

/// Takes the body out of `block`, which is starting and counts as started from here on.
///
/// # Safety
///
/// The body is an `F`, and was not taken before.
pub(crate) unsafe fn take<F>(block: BlockPtr) -> Waiting<F> {
    block.set_body(None);
    Waiting(block.context.sp().cast())
}

/// A body that was taken out of its greenlet and not called yet. Dropping this drops the body.
pub(crate) struct Waiting<F>(*mut F);

impl<F> Waiting<F> {
    /// Moves the body into this frame and calls it. What it captured is dropped when it returns.
    ///
    /// Not inlined, so this frame is on the stack only while the body runs: the code of the first arrival and of the
    /// end uses the same part of the stack, and if a guard page stops the frame itself, the greenlet has already
    /// started.
    #[inline(never)]
    pub(crate) fn call<V: 'static, E: 'static>(self, me: &Me<V, E>, value: V) -> Outcome<V, E>
    where
        F: Body<V, E>,
    {
        // SAFETY: by the contract of `take`, the pointer is to a valid body, which is not used afterwards.
        let body = unsafe { ManuallyDrop::new(self).0.read() };
        body(me, value)
    }
}

impl<F> Drop for Waiting<F> {
    fn drop(&mut self) {
        // SAFETY: as in `call`.
        unsafe { drop_closure::<F>(self.0.cast()) }
    }
}

/// Drops the body of `block`, an unstarted greenlet, if it has one. While the destructor runs, it has none.
pub(crate) fn drop_body(block: BlockPtr) {
    if let Some(drop) = block.body() {
        block.set_body(None);
        block.context.clear_frames(); // it may have been fresh and wide
        // SAFETY: `install` stored both; while a block has a body, the saved sp of its context points to it.
        unsafe { drop(block.context.sp()) }
    }
}
