//! Queries about greenlets, and the parent.

use crate::handle::{Greenlet, Handle, borrow, existing, give, raw};
use crate::outcome::{CYCLE, ENDED, MAIN, NULL, VALUE, Word};
use crate::tree;
use core::ffi::c_char;
use core::ptr;
use greenlet::{ParentError, State};

/// Answers a question about a greenlet; null gets `none`.
///
/// # Safety
///
/// The handle is one or null.
unsafe fn ask<R>(handle: *mut Handle, none: R, question: impl FnOnce(&Greenlet) -> R) -> R {
    // SAFETY: the caller's contract.
    unsafe { borrow(&handle) }.map_or(none, question)
}

/// `greenlet_parent`: a reference to the parent, or null.
///
/// # Panics
///
/// If the greenlet was freed, and its stack has no other one.
///
/// # Safety
///
/// The handle is one or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_parent(greenlet: *mut Handle) -> *mut Handle {
    // SAFETY: the caller's contract.
    unsafe { existing(&greenlet) }.and_then(Greenlet::parent).map_or(ptr::null_mut(), give)
}

/// `greenlet_set_parent`.
///
/// # Panics
///
/// If either was freed, and its stack has no other greenlet.
///
/// # Safety
///
/// Both handles are such or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_set_parent(greenlet: *mut Handle, parent: *mut Handle) -> u32 {
    // SAFETY: the caller's contract.
    let greenlet = unsafe { existing(&greenlet) };
    // SAFETY: the same.
    let (Some(greenlet), Some(parent)) = (greenlet, unsafe { existing(&parent) }) else { return NULL };
    match greenlet.set_parent(parent) {
        Ok(()) => VALUE,
        Err(ParentError::Cycle) => CYCLE,
        Err(ParentError::Main) => MAIN,
        Err(_) => ENDED,
    }
}

/// `greenlet_state`; null is dead.
///
/// # Safety
///
/// The handle is one or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_state(greenlet: *mut Handle) -> u32 {
    // SAFETY: the caller's contract.
    match unsafe { ask(greenlet, State::Dead, Greenlet::state) } {
        State::Unstarted => 0,
        State::Running => 1,
        State::Suspended => 2,
        _ => 3,
    }
}

/// `greenlet_is_main`.
///
/// # Safety
///
/// The handle is one or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_is_main(greenlet: *mut Handle) -> bool {
    // SAFETY: the caller's contract.
    unsafe { ask(greenlet, false, Greenlet::is_main) }
}

/// `greenlet_is_started`.
///
/// # Safety
///
/// The handle is one or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_is_started(greenlet: *mut Handle) -> bool {
    // SAFETY: the caller's contract.
    unsafe { ask(greenlet, false, Greenlet::is_started) }
}

/// `greenlet_is_active`.
///
/// # Safety
///
/// The handle is one or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_is_active(greenlet: *mut Handle) -> bool {
    // SAFETY: the caller's contract.
    unsafe { ask(greenlet, false, Greenlet::is_active) }
}

/// `greenlet_id`: all bits set for null, which no greenlet has.
///
/// # Safety
///
/// The handle is one or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_id(greenlet: *mut Handle) -> u64 {
    // SAFETY: the caller's contract.
    unsafe { ask(greenlet, u64::MAX, Greenlet::id) }
}

/// `greenlet_name`: the text that `greenlet_spawn` was given, or null.
///
/// # Safety
///
/// The handle is one or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_name(greenlet: *mut Handle) -> *const c_char {
    // Every name came from a text of C, so a zero follows it.
    // SAFETY: the caller's contract.
    unsafe { ask(greenlet, None, Greenlet::name) }.map_or(ptr::null(), |name| name.as_ptr().cast())
}

/// `greenlet_references`.
///
/// # Safety
///
/// The handle is one or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_references(greenlet: *mut Handle) -> u32 {
    // SAFETY: the caller's contract.
    unsafe { ask(greenlet, 0, Greenlet::references) }
}

/// What C calls `greenlet_extent`.
#[repr(C)]
pub struct Extent {
    base: usize,
    limit: usize,
    sp: usize,
}

/// `greenlet_stack`: where the stack of a greenlet is. Main and dead ones have none.
///
/// # Safety
///
/// The handle is one or null; `found` is null or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_stack(greenlet: *mut Handle, found: *mut Extent) -> bool {
    // SAFETY: the caller's contract.
    let Some(stack) = (unsafe { ask(greenlet, None, Greenlet::stack) }) else { return false };
    if !found.is_null() {
        // SAFETY: the same.
        unsafe { found.write(Extent { base: stack.base, limit: stack.limit, sp: stack.sp }) };
    }
    true
}

/// `greenlet_for_each`: all greenlets of the tree, main first.
///
/// # Safety
///
/// Called on the core that entered the tree, and not in a handler.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_for_each(
    visit: Option<unsafe extern "C" fn(greenlet: *mut Handle, context: Word)>,
    context: Word,
) {
    if let Some(visit) = visit {
        // SAFETY: the program's own function.
        tree::with_main(|main| main.for_each(|greenlet| unsafe { visit(raw(greenlet), context) }));
    }
}
