//! The generic interrupt controller of version 3: the core's interface are system registers.

use core::arch::asm;
use core::hint::spin_loop;

use aarch64_cpu::registers::{ID_AA64PFR0_EL1, Readable};

use super::device::{load, store};
use super::{cores, timer};

const DISTRIBUTOR_CONTROL: usize = 0x0800_0000;
/// One for each core: a page for all that is its own, and one for the interrupts that are.
const REDISTRIBUTORS: usize = 0x080a_0000;
const REDISTRIBUTOR_SIZE: usize = 0x2_0000;
const WAKER: usize = 0x14;
const GROUP: usize = 0x1_0080;
const SET_ENABLE: usize = 0x1_0100;

/// Of DISTRIBUTOR_CONTROL: interrupts of group 1, which arrive as ordinary ones; and cores are addressed by affinity.
const GROUP_1: u32 = 1 << 1;
const BY_AFFINITY: u32 = 1 << 4;
/// Of WAKER: that the core sleeps, and that its redistributor has believed it.
const SLEEPS: u32 = 1 << 1;
const ASLEEP: u32 = 1 << 2;
/// Of GROUP and SET_ENABLE: the interrupts that are for software, and that of the timer.
const OURS: u32 = 0xffff | 1 << timer::NUMBER;

/// Whether the machine has such a controller. The core's word is not enough: QEMU's a64fx has the interface in its
/// description, whatever there is on the board.
pub(super) fn is_there() -> bool {
    /// Of ID_AA64PFR0_EL1: the field GIC.
    const INTERFACE: u64 = 0xf << 24;
    /// Where a distributor of version 2 has its version, in these bits; one of version 3 has nothing there.
    const VERSION_2_ID: usize = DISTRIBUTOR_CONTROL + 0xfe8;
    const VERSION: u32 = 0xf0;

    ID_AA64PFR0_EL1.get() & INTERFACE != 0 && load(VERSION_2_ID) & VERSION != 0x20
}

/// Lets software generated interrupts through to this core, and those of its timer.
pub(super) fn init() {
    const SYSTEM_REGISTERS: u64 = 1;
    const EVERY_PRIORITY: u64 = 0xff;
    const ENABLE: u64 = 1;

    store(DISTRIBUTOR_CONTROL, BY_AFFINITY | GROUP_1);
    let redistributor = REDISTRIBUTORS + cores::number() * REDISTRIBUTOR_SIZE;
    store(redistributor + WAKER, load(redistributor + WAKER) & !SLEEPS);
    while load(redistributor + WAKER) & ASLEEP != 0 {
        spin_loop();
    }
    store(redistributor + GROUP, OURS);
    store(redistributor + SET_ENABLE, OURS);
    // SAFETY: registers of the core's interface, which is there: what gets through is masked still.
    unsafe {
        asm!(
            "msr icc_sre_el1, {system}",
            "isb",
            "msr icc_pmr_el1, {priority}",
            "msr icc_igrpen1_el1, {enable}",
            "isb",
            system = in(reg) SYSTEM_REGISTERS,
            priority = in(reg) EVERY_PRIORITY,
            enable = in(reg) ENABLE,
            options(nostack, preserves_flags),
        );
    }
}

/// Sends the interrupt `number` to this core.
pub(super) fn raise(number: u32) {
    let to = u64::from(number) << 24 | 1 << cores::number();
    // SAFETY: sends an interrupt. Not `nomem`: its handler is to find what was written before.
    unsafe { asm!("dsb ishst", "msr icc_sgi1r_el1, {}", "isb", in(reg) to, options(nostack, preserves_flags)) };
}

/// Which interrupt came; it may come again.
pub(super) fn take() -> u32 {
    let number: u64;
    // SAFETY: acknowledges and ends an interrupt, in a handler of one.
    unsafe {
        asm!("mrs {0}, icc_iar1_el1", "dsb sy", "msr icc_eoir1_el1, {0}", out(reg) number, options(nostack, preserves_flags));
    }
    number as u32
}
