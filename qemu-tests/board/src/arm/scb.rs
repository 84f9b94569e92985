//! The processor's own registers: which exceptions there are, what they were, what is pending (Armv7-M, B3.2.2).

use super::device::{load, store};

const ICSR: usize = 0xe000_ed04;
const SHPR3: usize = 0xe000_ed20;
const SHCSR: usize = 0xe000_ed24;
const CFSR: usize = 0xe000_ed28;
const HFSR: usize = 0xe000_ed2c;
const MMFAR: usize = 0xe000_ed34;
const BFAR: usize = 0xe000_ed38;
const ID_MMFR0: usize = 0xe000_ed50;
const FPCCR: usize = 0xe000_ef34;

/// The priority of interrupts, which a BASEPRI of the same masks. That of faults is 0.
pub(super) const PRIORITY: u32 = 0x80;

/// Gives faults handlers of their own, and interrupts a priority.
pub(super) fn init() {
    /// MEMFAULTENA, BUSFAULTENA, USGFAULTENA; SECUREFAULTENA, which v7-M does not have.
    const FAULTS: u32 = 0b1111 << 16;
    store(SHCSR, load(SHCSR) | FAULTS);
    // Those of SysTick and PendSV.
    store(SHPR3, PRIORITY << 24 | PRIORITY << 16);
}

/// What a fault left in the registers.
#[derive(Clone, Copy)]
pub(super) struct Status {
    pub(super) cfsr: u32,
    pub(super) hfsr: u32,
    pub(super) mmfar: usize,
    pub(super) bfar: usize,
}

/// Reads and clears it.
pub(super) fn take_status() -> Status {
    // The addresses first: clearing what says that they are valid may change them.
    let (mmfar, bfar) = (load(MMFAR) as usize, load(BFAR) as usize);
    let status = Status { cfsr: load(CFSR), hfsr: load(HFSR), mmfar, bfar };
    store(CFSR, status.cfsr);
    store(HFSR, status.hfsr);
    status
}

/// Whether the processor is one of v8-M, by its memory protection unit.
pub(super) fn is_v8() -> bool {
    load(ID_MMFR0) >> 4 & 0xf == 4
}

/// Has the processor forget that it left room for registers of floating point on a stack.
pub(super) fn forget_lazy_state() {
    /// LSPACT.
    const ACTIVE: u32 = 1 << 0;
    store(FPCCR, load(FPCCR) & !ACTIVE);
}

/// Makes PendSV pending.
pub(super) fn pend() {
    store(ICSR, 1 << 28);
}

/// Takes a pending SysTick back.
pub(super) fn unpend_timer() {
    store(ICSR, 1 << 25);
}
