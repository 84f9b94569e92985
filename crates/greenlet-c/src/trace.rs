//! The tracer: a function of the program that is called for each transfer.

use crate::handle::{Greenlet, Handle, raw};
use crate::outcome::{ENDED, Fault, Out, VALUE, Word};
use crate::tree;
use core::mem;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};
use greenlet::{Event, Trace};

type Tracer = unsafe extern "C" fn(is_throw: u32, origin: *mut Handle, target: *mut Handle, context: Word) -> Out;

/// The function of the program. Only used while the tree has `TELLER` as its tracer.
static TRACER: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());
/// What it is called with.
static CONTEXT: AtomicPtr<core::ffi::c_void> = AtomicPtr::new(ptr::null_mut());

/// Passes each event on.
struct Teller;
static TELLER: Teller = Teller;

impl Trace<Word, Fault> for Teller {
    fn event(&self, event: Event, origin: &Greenlet, target: &Greenlet) -> Result<(), Fault> {
        let Some(tracer) = tracer() else { return Ok(()) };
        let is_throw = u32::from(event == Event::Throw);
        // SAFETY: the program's own function.
        let told = unsafe { tracer(is_throw, raw(origin), raw(target), Word(CONTEXT.load(Relaxed))) };
        if told.is_value() { Ok(()) } else { Err(told.to_fault()) }
    }
}

fn tracer() -> Option<Tracer> {
    // SAFETY: null, or what `greenlet_set_trace` has stored; an `Option` of a function is null for `None`.
    unsafe { mem::transmute::<*mut (), Option<Tracer>>(TRACER.load(Relaxed)) }
}

/// `greenlet_set_trace`: sets or removes the tracer. Null removes it.
///
/// # Safety
///
/// Called on the core that entered the tree, and not in a handler.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_set_trace(tracer: Option<Tracer>, context: Word) -> u32 {
    let set = tree::with_main(|main| {
        TRACER.store(tracer.map_or(ptr::null_mut(), |tracer| tracer as *mut ()), Relaxed);
        CONTEXT.store(context.0, Relaxed);
        main.set_trace(tracer.map(|_| &TELLER as greenlet::Tracer<Word, Fault>));
    });
    set.map_or(ENDED, |()| VALUE)
}

/// `greenlet_trace`: the tracer, or null. A tracer that failed was removed.
///
/// # Safety
///
/// Called on the core that entered the tree, and not in a handler.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_trace() -> Option<Tracer> {
    tree::with_main(|main| main.trace().is_some()).and_then(|traced| tracer().filter(|_| traced))
}
