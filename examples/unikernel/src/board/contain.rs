//! A greenlet that panics or overflows its stack ends alone: its task is given up, and others go on. What its frames
//! had is lost, but for its context, which closes the connection.
//!
//! Main cannot be given up, nor can code that others call in the middle of something. Then the machine is powered off.

use super::{machine, println};
use crate::{Fault, HUB};
use core::hint::black_box;
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use greenlet::{Overflow, Refused};
use spin::Mutex;

/// The bytes of stack that the panic handler takes, at most, with the canary band. If it overwrote that, what it calls
/// would find memory overwritten, and the greenlet could not be given up.
const ROOM: usize = if cfg!(debug_assertions) { 2048 } else { 1024 };

static PANICS: AtomicU32 = AtomicU32::new(0);
static OVERFLOWS: AtomicU32 = AtomicU32::new(0);

/// Returns how many greenlets have panicked, and were given up.
pub(crate) fn panics() -> u32 {
    PANICS.load(Relaxed)
}

/// Returns how many greenlets have overflowed their stacks, and were given up.
pub(crate) fn overflows() -> u32 {
    OVERFLOWS.load(Relaxed)
}

/// The overflow on which the handler has returned to [`land`].
static OVERFLOW: Mutex<Option<Overflow>> = Mutex::new(None);

#[panic_handler]
fn panicked(info: &PanicInfo<'_>) -> ! {
    let sp = (&raw const info).addr();
    // SAFETY: one core, on which alone trees are entered.
    if unsafe { greenlet::stack_of(sp) }.is_some_and(|(_, stack)| sp - stack.limit < ROOM) {
        overflow();
    }
    machine::break_console_lock();
    println!("{info}");
    // SAFETY: one core, on which alone trees are entered.
    if let Some(greenlet) = unsafe { greenlet::current_report() } {
        println!("in {greenlet}");
    }
    PANICS.fetch_add(1, Relaxed);
    // SAFETY: one core, whose handlers run on a stack of their own. What a task shares is of safe code, and borrowed
    // while it is half changed: then the next borrow panics. The card's buffers are statics.
    let Err(Refused { reason, .. }) = unsafe { HUB.abandon_current(Fault::Panicked) };
    println!("{reason}");
    machine::power_off()
}

/// Goes on at [`land`], where there is room.
#[inline(never)]
fn overflow() {
    if black_box(true) {
        overflow();
    }
    black_box(()); // so that it is no loop
}

/// Called in the handler of a fault, which code with the stack pointer `sp` had for an access to `address`. If it
/// returns `true`, a stack has overflowed, and the handler returns to [`land`], on a stack that is for that alone.
pub(super) fn has_overflowed(address: usize, sp: usize) -> bool {
    // SAFETY: one core, on which alone trees are entered.
    let Some(overflow) = (unsafe { Overflow::at(address, sp) }) else { return false };
    OVERFLOW.try_lock().is_some_and(|mut place| place.replace(overflow).is_none())
}

/// Goes on after an overflow.
pub(super) fn land() -> ! {
    // The code that was stopped may be printing.
    machine::break_console_lock();
    let overflow = OVERFLOW.lock().take().expect("the handler has left it");
    println!("{overflow}");
    OVERFLOWS.fetch_add(1, Relaxed);
    // SAFETY: a guard page has stopped it, before it changed anything by that access; none of its functions is written
    // in C or assembly. This is the core of the fault, and the stack is for this alone. For the rest, as after a panic.
    let Err(Refused { reason, .. }) = unsafe { HUB.abandon(&overflow, Fault::Overflowed) };
    panic!("{reason}")
}
