//! Accesses that fault: a guest may look at one before it is reported, and make the core continue elsewhere.
//!
//! ```text
//!   guest                                     handler, on the stack for exceptions
//!   on(handler)
//!   an access faults ───────────────────────► handler(access)
//!                                               None: reported, and the machine ends
//!   land(), on a stack of its own ◄──────────   Some(land)
//! ```
//!
//! Whatever was interrupted is not resumed: its registers are lost. `land` begins with interrupts masked or not as they
//! were there, at the base of a stack that nothing else uses: each core has one.

use core::mem;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};

use crate::cores::{MOST, Memory, number};
use crate::fault::Fault;

/// An access that faulted.
#[derive(Clone, Copy, Debug)]
pub struct Access {
    /// The address that could not be accessed, or was watched.
    pub address: usize,
    /// The stack pointer of the code that made the access.
    pub sp: usize,
}

/// Looks at an access; returns where the core is to continue.
pub type Handler = fn(&Access) -> Option<Land>;

/// Where a core continues.
pub type Land = fn() -> !;

/// A [`Handler`], or null.
static HANDLER: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

/// Of each core: the stack to continue on.
static LANDINGS: [Memory<{ 16 << 10 }>; MOST] = [const { Memory::new() }; MOST];

/// Sets the handler of accesses that fault, for all cores.
pub fn on(handler: Handler) {
    HANDLER.store(handler as *mut (), Relaxed);
}

/// Where a core is to continue that was stopped by `fault` with its stack pointer at `sp`: what to call, and the base
/// of the stack to call it on.
pub(crate) fn landing(fault: Fault, sp: usize) -> Option<(usize, usize)> {
    let handler = HANDLER.load(Relaxed);
    // SAFETY: a pointer there is null, or was a `Handler` in `on`, which is the only one that puts any there; and an
    // optional function that is absent is null.
    let handler = unsafe { mem::transmute::<*mut (), Option<Handler>>(handler) };
    let land = handler?(&Access { address: fault.address()?, sp })?;
    Some((land as usize, LANDINGS[number()].base()))
}
