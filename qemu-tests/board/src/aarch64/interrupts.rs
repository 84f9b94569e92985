//! Interrupts, by a GIC of version 2: a number that the core sends to itself, and that of its timer.
//!
//! An interrupt is taken on SP_EL1, like an exception, and returns. The processor masks interrupts meanwhile, so that there is
//! never more than one on that stack.

use core::arch::asm;
use core::ptr;

use aarch64_cpu::registers::{DAIF, ELR_EL1, Readable, SPSel};

use super::timer;

// Registers of the distributor and of the core's interface to it.
const DISTRIBUTOR_CONTROL: usize = 0x0800_0000;
const DISTRIBUTOR_ENABLE: usize = DISTRIBUTOR_CONTROL + 0x100;
const DISTRIBUTOR_SGI: usize = DISTRIBUTOR_CONTROL + 0xf00;
const INTERFACE_CONTROL: usize = 0x0801_0000;
const INTERFACE_PRIORITY_MASK: usize = INTERFACE_CONTROL + 0x04;
const INTERFACE_ACKNOWLEDGE: usize = INTERFACE_CONTROL + 0x0c;
const INTERFACE_END: usize = INTERFACE_CONTROL + 0x10;

/// Of both CONTROL registers.
const ENABLE: u32 = 1 << 0;
/// Of PRIORITY_MASK: every priority goes through.
const EVERY_PRIORITY: u32 = 0xff;
/// Of SGI: to the core that writes.
const TO_SELF: u32 = 0b10 << 24;
/// Of ACKNOWLEDGE: the bits that tell the number. The others tell which core sent it.
const NUMBER: u32 = 0x3ff;

/// The interrupt that is raised. Numbers up to 15 are for software; the controller never masks them here.
const OURS: u32 = 1;

/// Where the vector of interrupts arrives, when all is saved.
pub(super) extern "C" fn interrupt() {
    let acknowledged = load(INTERFACE_ACKNOWLEDGE);
    let number = acknowledged & NUMBER;
    match number {
        OURS => {}
        timer::NUMBER => timer::stop(),
        other => panic!("interrupt {other} came, which nobody raised"),
    }
    // Ended before it is handled: one that is raised by the handler waits until this one returns, and comes then.
    store(INTERFACE_END, acknowledged);
    crate::interrupts::handle(ELR_EL1.get() as usize);
}

/// Lets software generated interrupts through to the core, and those of its timer.
pub(crate) fn init() {
    store(DISTRIBUTOR_CONTROL, ENABLE);
    store(DISTRIBUTOR_ENABLE, 1 << timer::NUMBER);
    store(INTERFACE_PRIORITY_MASK, EVERY_PRIORITY);
    store(INTERFACE_CONTROL, ENABLE);
}

/// Handlers run on SP_EL1 in any case. Whether that is their own stack depends on which stack pointer the guest runs on: its
/// stack goes from one to the other.
pub(crate) fn on_own_stack(own: bool) {
    let is_own = !SPSel.is_set(SPSel::SP);
    if own == is_own {
        return;
    }
    if own {
        // SAFETY: the same stack, in the other register; the first is left where the boot code put it. An exception between
        // would find that empty stack, or this one.
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
    store(DISTRIBUTOR_SGI, TO_SELF | OURS);
}

pub(crate) fn enable() {
    // SAFETY: unmasks interrupts: their vector resumes whoever is interrupted, with every register as it was.
    // Not `nomem`: what the handler changes is looked at after it.
    unsafe { asm!("msr daifclr, #2", "isb", options(nostack, preserves_flags)) };
}

pub(crate) fn disable() {
    // SAFETY: masks interrupts. Not `nomem`, as above.
    unsafe { asm!("msr daifset, #2", options(nostack, preserves_flags)) };
}

pub(crate) fn are_enabled() -> bool {
    !DAIF.is_set(DAIF::I)
}

fn load(register: usize) -> u32 {
    let register: *const u32 = ptr::with_exposed_provenance(register);
    // SAFETY: a register of the interrupt controller, which is always there; reading touches no memory.
    unsafe { register.read_volatile() }
}

fn store(register: usize, value: u32) {
    let register: *mut u32 = ptr::with_exposed_provenance_mut(register);
    // SAFETY: a register of the interrupt controller, which is always there; it touches no memory.
    unsafe { register.write_volatile(value) }
}
