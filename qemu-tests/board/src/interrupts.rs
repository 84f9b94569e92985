//! Interrupts that a guest raises itself, to see its code interrupted: at once, by a timer, or after every instruction.
//!
//! ```text
//!   guest                                      handler, interrupts masked
//!   on(handler), enable()
//!   raise() ── the interrupt controller ─────► handler()
//!   raise returns  ◄────────────────────────── resumed, with all its registers
//!
//!   raise_after(n) ── the timer ─────────────► handler(), after n nanoseconds
//!   step(true) ── the debug unit ────────────► handler(), before each instruction
//! ```
//!
//! These are interrupts and no calls. Those of the controller and of the timer wait while interrupts are masked; steps
//! do not wait, but that a handler is not stepped. [`interrupted`] returns, in the handler, where they came.
//!
//! # On which stack
//!
//! A handler has a stack of its own, so that a greenlet's stack needs no room for it. [`on_own_stack`] changes that:
//! then it runs on the stack of the interrupted code, as on machines that have no second one, and every stack of the
//! guest needs room below what its own code takes:
//!
//! | bytes | for |
//! |---|---|
//! | [`FRAME`] | the registers that the processor and the board save |
//! | a few hundred, without optimization a thousand | the board's functions on the way to the handler |
//! | its own | the handler |
//!
//! Not once for each kind: interrupts are masked in a handler. Exceptions are reported on stacks of their own in any
//! case.

use core::hint::spin_loop;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use crate::cores::{self, MOST, number};
use crate::hook::Hook;
use crate::machine::interrupts as machine;
use crate::machine::{steps, timer};

pub use crate::machine::resume::FRAME;

/// The number that this machine gives to the interrupt of the timer.
pub const TIMER: u16 = machine::TIMER;

static HANDLER: Hook = Hook::new();

/// Of each core: an interrupt was raised, and its handler has not begun.
static RAISED: [AtomicBool; MOST] = [const { AtomicBool::new(false) }; MOST];

/// Of each core: the handler runs.
static HANDLING: [AtomicBool; MOST] = [const { AtomicBool::new(false) }; MOST];

/// Of each core: the instruction at which the last interrupt came.
static INTERRUPTED: [AtomicUsize; MOST] = [const { AtomicUsize::new(0) }; MOST];

/// Sets the handler of interrupts, for all cores, and gets the interrupt controller of this core ready. They stay
/// masked.
pub fn on(handler: fn()) {
    HANDLER.set(handler);
    machine::init();
}

/// Whether the handler has a stack of its own, as it has at first, or runs on the stack of the interrupted code.
///
/// # Panics
///
/// When interrupts are not masked, in a handler, or when other cores were started.
pub fn on_own_stack(own: bool) {
    assert_alone();
    assert!(!are_enabled() && !in_handler(), "mask interrupts before you change the stack that they are handled on");
    machine::on_own_stack(own);
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

/// Masks or unmasks the kinds of interrupts that [`disable`] leaves alone: FIQ and SError on aarch64. Where one mask
/// covers every kind, as on x86_64, this is that mask.
pub fn mask_others(masked: bool) {
    machine::mask_others(masked);
}

/// Raises an interrupt of this core; returns when it is handled, or at once if interrupts are masked, as they are in a
/// handler: then it waits. Several that wait are one.
///
/// # Panics
///
/// When no handler was set with [`on`].
pub fn raise() {
    assert_handled();
    RAISED[number()].store(true, SeqCst);
    machine::raise();
    wait();
}

/// Has the timer of this core raise an interrupt, once, after so many nanoseconds, and a few that it takes to set it.
/// Under `-icount shift=0` these are instructions. It replaces one that has not come yet.
///
/// # Panics
///
/// When no handler was set with [`on`].
pub fn raise_after(nanoseconds: u32) {
    assert_handled();
    timer::set(nanoseconds);
}

/// Stops the timer. One that waits already, because interrupts are masked, may still come.
pub fn stop_timer() {
    timer::stop();
}

/// Turns steps on or off: with them, the handler is called before every instruction of the guest, masked or not.
///
/// # Panics
///
/// When no handler was set with [`on`], in a handler, or when other cores were started.
pub fn step(on: bool) {
    assert_alone();
    assert_handled();
    assert!(!in_handler(), "the handler of steps is not stepped itself");
    if on { steps::start() } else { steps::stop() }
}

/// For the handler: the address of the instruction that the interrupt came before.
pub fn interrupted() -> usize {
    INTERRUPTED[number()].load(SeqCst)
}

/// Whether this code is called by the handler.
pub fn in_handler() -> bool {
    HANDLING[number()].load(SeqCst)
}

/// What there is once, and not for each core, is changed.
fn assert_alone() {
    assert!(
        cores::are_asleep(),
        "only a guest that has started no other cores changes the handlers' stack, or is stepped"
    );
}

fn assert_handled() {
    assert!(HANDLER.get().is_some(), "an interrupt is raised without a handler: call `interrupts::on` before");
}

/// Waits for an interrupt that was raised, unless they are masked. It comes within a few instructions.
fn wait() {
    while RAISED[number()].load(SeqCst) && are_enabled() {
        spin_loop();
    }
}

/// Where the machine arrives with an interrupt that was raised.
pub(crate) fn handle(at: usize) {
    RAISED[number()].store(false, SeqCst);
    step_to(at);
}

/// Where the machine arrives with a step, and so does [`handle`].
pub(crate) fn step_to(at: usize) {
    INTERRUPTED[number()].store(at, SeqCst);
    HANDLING[number()].store(true, SeqCst);
    if let Some(handler) = HANDLER.get() {
        handler();
    }
    HANDLING[number()].store(false, SeqCst);
}
