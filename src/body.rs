//! A greenlet's body while it waits: a closure at the stack pointer of an unstarted greenlet, and the table that knows its
//! type.

use crate::block::{BlockPtr, Body};
use crate::me::Me;
use crate::thrown::Outcome;
use core::mem::{ManuallyDrop, align_of, size_of};
use core::ptr;

/// What a body is.
///
/// The closure takes a borrow of its greenlet, and the first value sent to it.
pub(crate) trait Run<V: 'static, E: 'static>: FnOnce(&Me<V, E>, V) -> Outcome<V, E> + 'static {}
impl<V: 'static, E: 'static, F: FnOnce(&Me<V, E>, V) -> Outcome<V, E> + 'static> Run<V, E> for F {}

/// The table of one body type. A pointer to it is a pointer to a [`Body`].
#[repr(C)]
struct TypedBody<V: 'static, E: 'static> {
    body: Body,
    call: Call<V, E>,
}

/// Calls the closure of one type that lies at an address, and uses it up.
type Call<V, E> = unsafe fn(*mut u8, &Me<V, E>, V) -> Outcome<V, E>;

/// Gives every body type a table in read-only memory.
trait Table<V: 'static, E: 'static> {
    const TABLE: &'static TypedBody<V, E>;
}

impl<V: 'static, E: 'static, F: Run<V, E>> Table<V, E> for F {
    const TABLE: &'static TypedBody<V, E> =
        &TypedBody { body: Body { drop: drop_closure::<F> }, call: call_closure::<V, E, F> };
}

/// # Safety
///
/// An `F` lies at `closure`, and is used up by this.
unsafe fn drop_closure<F>(closure: *mut u8) {
    // SAFETY: by the contract.
    unsafe { ptr::drop_in_place(closure.cast::<F>()) }
}

/// # Safety
///
/// An `F` lies at `closure`, and is used up by this.
unsafe fn call_closure<V: 'static, E: 'static, F: Run<V, E>>(
    closure: *mut u8,
    me: &Me<V, E>,
    value: V,
) -> Outcome<V, E> {
    // SAFETY: by the contract.
    let run = unsafe { closure.cast::<F>().read() };
    run(me, value)
}

/// Puts `run` at the base of the stack of `block`, an unstarted greenlet without a body, and makes its context fresh.
///
/// # Safety
///
/// The stack has room for it: [`crate::pool::needs`] bytes. The greenlet is of a tree of `V` and `E`.
pub(crate) unsafe fn install<V: 'static, E: 'static, F: Run<V, E>>(block: BlockPtr, run: F) {
    let base = block.as_ptr().cast_mut().cast::<u8>();
    let align = if align_of::<F>() > crate::arch::STACK_ALIGN { align_of::<F>() } else { crate::arch::STACK_ALIGN };
    let down = size_of::<F>() + (base.addr() - size_of::<F>()) % align;
    // In bounds of the stack, by the contract; aligned for `F` and for a stack pointer.
    let place = base.wrapping_sub(down);
    // SAFETY: the stack of an unstarted greenlet belongs to the kernel; nothing lies there.
    unsafe { place.cast::<F>().write(run) };
    block.context.fresh(place, crate::transfer::life::entry::<V, E>);
    block.body.set(ptr::from_ref(F::TABLE).cast());
}

/// A body that was taken out of its greenlet and has not run. Dropped with its closure if it never does.
pub(crate) struct Unstarted {
    /// Null: the greenlet had none.
    body: *const Body,
    closure: *mut u8,
}

impl Unstarted {
    /// Takes the body out of `block`, if there is one.
    pub(crate) fn take(block: BlockPtr) -> Self {
        Self { body: block.body.replace(ptr::null()), closure: block.context.sp() }
    }

    /// Runs it.
    ///
    /// # Safety
    ///
    /// There is a body, [installed](install) for the same `V` and `E`.
    pub(crate) unsafe fn call<V: 'static, E: 'static>(self, me: &Me<V, E>, value: V) -> Outcome<V, E> {
        let this = ManuallyDrop::new(self);
        // SAFETY: `install` made it from a `TypedBody<V, E>`.
        let typed = unsafe { &*this.body.cast::<TypedBody<V, E>>() };
        // SAFETY: while a block has a body, its closure lies at the sp of its context; it was taken once.
        unsafe { (typed.call)(this.closure, me, value) }
    }
}

impl Drop for Unstarted {
    fn drop(&mut self) {
        if !self.body.is_null() {
            // SAFETY: `install` made it; every table begins with a `Body`.
            let body = unsafe { &*self.body };
            // SAFETY: as in `call`.
            unsafe { (body.drop)(self.closure) }
        }
    }
}
