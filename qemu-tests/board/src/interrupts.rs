//! Interrupts that a guest raises itself, to see its code interrupted: masked until it asks for them.
//!
//! ```text
//!   guest                                      handler, on a stack of its own, interrupts masked
//!   on(handler), enable()
//!   raise() ── the interrupt controller ─────► handler()
//!   raise returns  ◄────────────────────────── resumed, with all its registers
//! ```
//!
//! These are interrupts and no calls: they come from the interrupt controller, and they wait while they are masked.

use core::hint::spin_loop;
use core::sync::atomic::{AtomicBool, Ordering::SeqCst};

use crate::hook::Hook;
use crate::machine::interrupts as machine;

static HANDLER: Hook = Hook::new();

/// An interrupt was raised, and its handler has not begun.
static RAISED: AtomicBool = AtomicBool::new(false);

/// The handler runs.
static HANDLING: AtomicBool = AtomicBool::new(false);

/// Sets who handles interrupts, and gets the interrupt controller ready. They stay masked.
pub fn on(handler: fn()) {
    HANDLER.set(handler);
    machine::init();
}

/// Unmasks interrupts; returns when one that was waiting is handled.
pub fn enable() {
    machine::enable();
    wait();
}

/// Masks interrupts.
pub fn disable() {
    machine::disable();
}

/// Whether interrupts are unmasked.
pub fn are_enabled() -> bool {
    machine::are_enabled()
}

/// Raises an interrupt; returns when it is handled, or at once if interrupts are masked, as they are in a handler: then it
/// waits. Several that wait are one.
///
/// # Panics
///
/// When nobody was set [`on`] them.
pub fn raise() {
    assert!(HANDLER.get().is_some(), "an interrupt is raised, and nobody handles it: call `interrupts::on` before");
    RAISED.store(true, SeqCst);
    machine::raise();
    wait();
}

/// Whether this code is called by the handler.
pub fn in_handler() -> bool {
    HANDLING.load(SeqCst)
}

/// Waits for an interrupt that was raised, unless they are masked. It comes within a few instructions.
fn wait() {
    while RAISED.load(SeqCst) && are_enabled() {
        spin_loop();
    }
}

/// Where the machine arrives with an interrupt that was raised, on the handler's stack.
pub(crate) fn handle() {
    RAISED.store(false, SeqCst);
    HANDLING.store(true, SeqCst);
    if let Some(handler) = HANDLER.get() {
        handler();
    }
    HANDLING.store(false, SeqCst);
}
