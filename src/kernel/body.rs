//! A greenlet's body while it waits: a closure at the stack pointer of an unstarted greenlet, and the functions that know its
//! type: one starts it, one drops it.

use crate::kernel::me::Me;
use crate::kernel::thrown::Outcome;
use crate::records::block::{BARE, BlockPtr};
use core::mem::{ManuallyDrop, align_of, size_of};
use core::ptr;

/// What a body is.
///
/// The closure takes a borrow of its greenlet, and the first value sent to it.
pub(crate) trait Run<V: 'static, E: 'static>: FnOnce(&Me<V, E>, V) -> Outcome<V, E> + 'static {}
impl<V: 'static, E: 'static, F: FnOnce(&Me<V, E>, V) -> Outcome<V, E> + 'static> Run<V, E> for F {}

/// # Safety
///
/// An `F` lies at `closure`, and is used up by this.
unsafe fn drop_closure<F>(closure: *mut u8) {
    // SAFETY: by the contract.
    unsafe { ptr::drop_in_place(closure.cast::<F>()) }
}

/// Puts `run` at the base of the stack of `block`, an unstarted greenlet without a body, and makes its context fresh.
///
/// # Safety
///
/// The stack has room for it: `pools::least::needs` bytes. The greenlet is of a tree of `V` and `E`.
pub(crate) unsafe fn install<V: 'static, E: 'static, F: Run<V, E>>(block: BlockPtr, run: F) {
    let base = block.as_ptr().cast_mut().cast::<u8>();
    let align = if align_of::<F>() > crate::arch::STACK_ALIGN { align_of::<F>() } else { crate::arch::STACK_ALIGN };
    let down = size_of::<F>() + (base.addr() - size_of::<F>()) % align;
    // In bounds of the stack, by the contract; aligned for `F` and for a stack pointer.
    let place = base.wrapping_sub(down);
    // SAFETY: the stack of an unstarted greenlet belongs to the kernel; nothing lies there.
    unsafe { place.cast::<F>().write(run) };
    block.context.fresh(place, crate::kernel::transfer::life::entry::<V, E, F>);
    block.set_body(Some(drop_closure::<F>));
    block.clear(BARE);
}

/// Takes the body out of `block`, which is starting: from here on it has started.
///
/// # Safety
///
/// The body is an `F`, and was not taken yet.
pub(crate) unsafe fn take<F>(block: BlockPtr) -> Waiting<F> {
    block.set_body(None);
    Waiting(block.context.sp().cast())
}

/// A body that was taken out of its greenlet and has not run. Dropped if it never does.
pub(crate) struct Waiting<F>(*mut F);

impl<F> Waiting<F> {
    /// Runs it, once it has been moved up here: what it captured is dropped when it is over.
    ///
    /// Not inlined, so that its frame is on the stack while it runs and not before: what arrives and what an end does stand where it
    /// stood, and a guard that stops the frame itself stops a greenlet that has started.
    #[inline(never)]
    pub(crate) fn call<V: 'static, E: 'static>(self, me: &Me<V, E>, value: V) -> Outcome<V, E>
    where
        F: Run<V, E>,
    {
        // SAFETY: by the contract of `take`, it lies there, and this uses it up.
        let run = unsafe { ManuallyDrop::new(self).0.read() };
        run(me, value)
    }
}

impl<F> Drop for Waiting<F> {
    fn drop(&mut self) {
        // SAFETY: as in `call`.
        unsafe { drop_closure::<F>(self.0.cast()) }
    }
}

/// Drops the body of `block`, an unstarted greenlet, if it has one. It has none while that runs.
pub(crate) fn drop_body(block: BlockPtr) {
    if let Some(drop) = block.body() {
        block.set_body(None);
        // SAFETY: `install` put both there; while a block has a body, its closure lies at the sp of its context.
        unsafe { drop(block.context.sp()) }
    }
}
