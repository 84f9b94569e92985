//! The transfers.

use crate::handle::{Handle, Me, borrow, existing};
use crate::outcome::{Fault, MAIN, NOT_CURRENT, NULL, Out, Word, to_c};

/// `greenlet_switch`: resumes or starts a greenlet, and waits.
///
/// # Safety
///
/// The handle is one or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_switch_abi_1(value: Word, to: *mut Handle) -> Out {
    // SAFETY: the caller's contract.
    match unsafe { borrow(&to) } {
        Some(to) => to_c(to.switch(value)),
        None => no_greenlet(value),
    }
}

#[cold]
#[inline(never)]
extern "C" fn no_greenlet(value: Word) -> Out {
    Out::of(NULL, value)
}

/// `greenlet_up`: switches to the parent of the current greenlet.
///
/// # Safety
///
/// The handle is one or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_up_abi_1(value: Word, me: *mut Handle) -> Out {
    // SAFETY: the caller's contract; the borrow of the body is used here alone.
    match unsafe { borrow(&me) }.and_then(|me| unsafe { Me::of(me) }) {
        Some(me) => to_c(me.up(value)),
        // SAFETY: the caller's contract.
        None => unsafe { no_up(value, me) },
    }
}

/// Why `greenlet_up` is refused, or the slow way to the parent.
///
/// # Safety
///
/// As for `greenlet_up`.
#[cold]
#[inline(never)]
unsafe extern "C" fn no_up(value: Word, me: *mut Handle) -> Out {
    // SAFETY: the caller's contract.
    let kind = match unsafe { borrow(&me) } {
        None => NULL,
        Some(me) if !me.is_current() => NOT_CURRENT,
        Some(me) => match me.parent() {
            // A tracer or a hook runs here, while an earlier `greenlet_up` of the same greenlet has not returned yet.
            Some(parent) => return to_c(parent.switch(value)),
            None => MAIN,
        },
    };
    Out::of(kind, value)
}

/// `greenlet_throw`: throws an error into a greenlet.
///
/// # Panics
///
/// If the greenlet was freed, and its stack has no other one.
///
/// # Safety
///
/// The handle is one or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_throw(to: *mut Handle, error: Word) -> Out {
    // SAFETY: the caller's contract.
    match unsafe { existing(&to) } {
        Some(to) => to_c(to.throw(Fault::thrown(error))),
        None => Out::of(NULL, error),
    }
}

/// `greenlet_kill`: asks a greenlet to exit.
///
/// # Panics
///
/// If the greenlet was freed, and its stack has no other one.
///
/// # Safety
///
/// The handle is one or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_kill(to: *mut Handle, value: Word) -> Out {
    // SAFETY: the caller's contract.
    match unsafe { existing(&to) } {
        Some(to) => to_c(to.kill_with(value)),
        None => Out::of(NULL, value),
    }
}

/// `greenlet_cancel`: asks a greenlet to exit, with the caller as its parent in the meantime.
///
/// # Panics
///
/// If the greenlet was freed, and its stack has no other one.
///
/// # Safety
///
/// The handle is one or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_cancel(to: *mut Handle) -> Out {
    // SAFETY: the caller's contract.
    match unsafe { existing(&to) } {
        // A reference of its own: that of the caller may go while the greenlet ends.
        Some(to) => to_c(to.clone().cancel()),
        None => Out::refused(NULL),
    }
}
