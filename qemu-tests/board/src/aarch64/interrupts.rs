//! Interrupts, by whichever controller the machine has: a number that the core sends to itself, and that of its timer.
//!
//! An interrupt is taken on SP_EL1, like an exception, and returns. The processor masks interrupts meanwhile, so that
//! there is never more than one on that stack.

use core::arch::asm;

use aarch64_cpu::registers::{ELR_EL1, Readable, SPSel};

pub(crate) use super::processor::{are_enabled, disable, enable, mask_others};
use super::{gic2, gic3, raspi3b, timer};

/// The number of the timer's.
pub(crate) const TIMER: u16 = timer::NUMBER as u16;

/// What an interrupt controller does for us.
struct Controller {
    init: fn(),
    raise: fn(u32),
    take: fn() -> u32,
}

/// The one of this machine.
fn controller() -> &'static Controller {
    if raspi3b::is_it() {
        &Controller { init: raspi3b::init, raise: raspi3b::raise, take: raspi3b::take }
    } else if gic3::is_there() {
        &Controller { init: gic3::init, raise: gic3::raise, take: gic3::take }
    } else {
        &Controller { init: gic2::init, raise: gic2::raise, take: gic2::take }
    }
}

/// The interrupt that is raised. Numbers up to 15 are for software; the controller never masks them here.
const OURS: u32 = 1;

/// Where the vector of interrupts arrives, when all is saved.
pub(super) extern "C" fn interrupt() {
    // Ended before it is handled: one that is raised by the handler waits until this one returns, and comes then.
    let number = (controller().take)();
    match number {
        OURS => {}
        timer::NUMBER => timer::stop(),
        other => panic!("interrupt {other} is unexpected: the board did not enable it"),
    }
    crate::interrupts::handle(ELR_EL1.get() as usize);
}

/// Lets the interrupt that is raised through to this core, and that of its timer.
pub(crate) fn init() {
    (controller().init)();
}

/// Handlers run on SP_EL1 in any case. Whether that is their own stack depends on which stack pointer the guest runs
/// on: its stack goes from one to the other.
pub(crate) fn on_own_stack(own: bool) {
    let is_own = !SPSel.is_set(SPSel::SP);
    if own == is_own {
        return;
    }
    if own {
        // SAFETY: the same stack, in the other register; the first is left where the boot code put it. An exception
        // between would find that empty stack, or this one.
        unsafe {
            asm!(
                "mov {stack}, sp",
                "adrp {handlers}, exception_stack_base",
                "mov sp, {handlers}",
                "msr spsel, #0",
                "mov sp, {stack}",
                stack = out(reg) _,
                handlers = out(reg) _,
                options(preserves_flags),
            );
        }
    } else {
        // SAFETY: the same stack, in the other register.
        unsafe {
            asm!("mov {stack}, sp", "msr spsel, #1", "mov sp, {stack}", stack = out(reg) _, options(preserves_flags));
        }
    }
}

/// Sends the interrupt to this core.
pub(crate) fn raise() {
    (controller().raise)(OURS);
}
