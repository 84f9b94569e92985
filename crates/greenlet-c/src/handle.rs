//! What C calls `greenlet`: a control block, whose address is the handle.

use crate::outcome::{Fault, Word};
use crate::tree;
use core::mem::{self, ManuallyDrop};
use core::ptr;
use greenlet::State;

/// A handle as Rust has it.
pub(crate) type Greenlet = greenlet::Greenlet<Word, Fault>;
/// The current greenlet as its body sees it.
pub(crate) type Me = greenlet::Me<Word, Fault>;

/// The opaque type that C calls `greenlet`. A pointer to it has the bits of a handle of the kernel, and is null only
/// where there is none.
#[repr(C)]
pub struct Handle([u8; 0]);

const _: () = assert!(size_of::<Option<Greenlet>>() == size_of::<*mut Handle>());

/// The borrow of a handle that C has, for the time of a call; `None` for null.
///
/// # Safety
///
/// The handle is null, or one with a greenlet that exists as long as the result is used.
#[inline(always)]
pub(crate) unsafe fn borrow(handle: &*mut Handle) -> Option<&Greenlet> {
    // SAFETY: a handle has the bits of a `Greenlet`, by `raw`; it is not null, and not dropped through a borrow.
    (!handle.is_null()).then(|| unsafe { &*ptr::from_ref(handle).cast::<Greenlet>() })
}

/// The same, for what counts a reference or may give one up: with a greenlet that was freed it would free it again.
///
/// # Panics
///
/// If the greenlet was freed. That is noticed as long as its stack has no other one.
///
/// # Safety
///
/// As for [`borrow`].
pub(crate) unsafe fn existing(handle: &*mut Handle) -> Option<&Greenlet> {
    // SAFETY: the caller's contract. A block stays one for ever, so these can be read after the greenlet was freed.
    let greenlet = unsafe { borrow(handle) };
    greenlet.inspect(|greenlet| check_exists(greenlet))
}

/// Not in each function that asks, which would be larger.
#[inline(never)]
fn check_exists(greenlet: &Greenlet) {
    check_is_one(greenlet);
    // One that has ended exists as long as it is referred to. Main is in a static.
    if greenlet.references() == 0 && greenlet.state() == State::Dead && !greenlet.is_main() {
        panic!("a greenlet was used after its last reference was given up; keep one with greenlet_ref");
    }
}

/// Tells a control block from most other memory, such as zeros, by its bounds.
///
/// # Panics
///
/// If it is something else.
#[inline(never)]
fn check_is_one(greenlet: &Greenlet) {
    // First, since a block is read only where one can be.
    if !raw(greenlet).addr().is_multiple_of(64) || !(greenlet.is_on_stack() || tree::is_main(raw(greenlet))) {
        panic!("a pointer is not a greenlet; pass what greenlet_spawn stored, or `me`");
    }
}

/// The handle as C has it. No reference is counted for it.
#[inline(always)]
pub(crate) fn raw(greenlet: &Greenlet) -> *mut Handle {
    // SAFETY: a transparent wrapper around a pointer, of the same size.
    unsafe { mem::transmute_copy::<Greenlet, *mut Handle>(greenlet) }
}

/// The handle as C has it, with the reference.
pub(crate) fn give(greenlet: Greenlet) -> *mut Handle {
    raw(&ManuallyDrop::new(greenlet))
}

/// The handle with its reference, back from C.
///
/// # Safety
///
/// The handle is not null, and has a reference that the caller gives up.
unsafe fn take(handle: *mut Handle) -> Greenlet {
    // SAFETY: as in `borrow`; the reference is the caller's.
    unsafe { mem::transmute::<*mut Handle, Greenlet>(handle) }
}

/// `greenlet_ref`: one more reference, and the same handle.
///
/// # Panics
///
/// If the greenlet was freed, and its stack has no other one.
///
/// # Safety
///
/// The handle is one or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_ref(handle: *mut Handle) -> *mut Handle {
    // SAFETY: the caller's contract.
    match unsafe { existing(&handle) } {
        Some(greenlet) => give(greenlet.clone()),
        None => ptr::null_mut(),
    }
}

/// `greenlet_unref`: gives a reference up.
///
/// # Panics
///
/// If the greenlet has no reference left. That is noticed as long as its stack has no other greenlet.
///
/// # Safety
///
/// The handle is null, or has a reference of the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_unref(handle: *mut Handle) {
    // SAFETY: the caller's contract. A block stays one for ever, so the count can be read after the greenlet was freed.
    let greenlet = unsafe { borrow(&handle) }.inspect(|greenlet| check_is_one(greenlet));
    if greenlet.is_some_and(|greenlet| greenlet.references() == 0) {
        panic!("greenlet_unref: this reference was given up before; call it once for each spawn and each greenlet_ref");
    }
    if !handle.is_null() {
        // SAFETY: the caller's reference.
        drop(unsafe { take(handle) })
    }
}
