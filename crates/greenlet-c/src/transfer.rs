//! The transfers.

use crate::handle::{Handle, as_me, borrow};
use crate::outcome::{Fault, MAIN, NOT_CURRENT, NULL, Out, Word, to_c};
use core::ptr;

/// `greenlet_switch`: resumes or starts a greenlet, and waits.
///
/// # Safety
///
/// The handle is one or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_switch(to: *mut Handle, value: Word) -> Out {
    // SAFETY: the caller's contract.
    match unsafe { borrow(&to) } {
        Some(to) => to_c(to.switch(value)),
        None => Out::of(NULL, value),
    }
}

/// `greenlet_up`: switches to the parent of the current greenlet.
///
/// # Safety
///
/// The handle is one or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_up(me: *mut Handle, value: Word) -> Out {
    // SAFETY: the caller's contract.
    let Some(greenlet) = (unsafe { borrow(&me) }) else { return Out::of(NULL, value) };
    if !greenlet.is_current() {
        return Out::of(NOT_CURRENT, value);
    }
    if greenlet.is_main() {
        return Out::of(MAIN, value);
    }
    // SAFETY: the current greenlet, and not main, as was just checked.
    to_c(unsafe { as_me(greenlet) }.up(value))
}

/// `greenlet_throw`: throws an error into a greenlet.
///
/// # Safety
///
/// The handle is one or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_throw(to: *mut Handle, error: Word) -> Out {
    // SAFETY: the caller's contract.
    match unsafe { borrow(&to) } {
        Some(to) => to_c(to.throw(Fault::thrown(error))),
        None => Out::of(NULL, error),
    }
}

/// `greenlet_kill`: asks a greenlet to exit.
///
/// # Safety
///
/// The handle is one or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_kill(to: *mut Handle, value: Word) -> Out {
    // SAFETY: the caller's contract.
    match unsafe { borrow(&to) } {
        Some(to) => to_c(to.kill_with(value)),
        None => Out::of(NULL, value),
    }
}

/// `greenlet_cancel`: asks a greenlet to exit, with the caller as its parent in the meantime.
///
/// # Safety
///
/// The handle is one or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_cancel(to: *mut Handle) -> Out {
    // SAFETY: the caller's contract.
    match unsafe { borrow(&to) } {
        Some(to) => to_c(to.cancel()),
        None => Out::of(NULL, ptr::null_mut()),
    }
}
