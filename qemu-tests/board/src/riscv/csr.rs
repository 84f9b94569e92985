//! Control and status registers of the mode in which guests run, by their numbers: of machine mode, or with the feature
//! `supervisor-mode` of supervisor mode. Those of the one are 0x200 above those of the other.

/// Where the registers of the mode begin: mstatus, sstatus.
const FIRST: usize = if IS_SUPERVISOR { 0x100 } else { 0x300 };

/// Whether guests run in supervisor mode.
pub(super) const IS_SUPERVISOR: bool = cfg!(feature = "supervisor-mode");

pub(super) const STATUS: usize = FIRST;
/// Which interrupts are enabled: mie, sie.
pub(super) const ENABLED: usize = FIRST + 0x04;
/// mtvec, stvec.
pub(super) const VECTOR: usize = FIRST + 0x05;
pub(super) const SCRATCH: usize = FIRST + 0x40;
/// mepc, sepc.
pub(super) const PC: usize = FIRST + 0x41;
pub(super) const CAUSE: usize = FIRST + 0x42;
/// mtval, stval.
pub(super) const VALUE: usize = FIRST + 0x43;
/// Which interrupts wait: mip, sip.
pub(super) const WAITING: usize = FIRST + 0x44;

/// The bits of an interrupt of supervisor mode are two lower than those of machine mode.
pub(super) const LOWER: usize = if IS_SUPERVISOR { 2 } else { 0 };
/// In the status: MIE, SIE, which unmasks interrupts.
pub(super) const UNMASK: usize = 1 << (3 - LOWER);

/// The instruction that returns from a trap: `mret`, `sret`.
pub(super) const RETURN: usize = if IS_SUPERVISOR { 0x1020_0073 } else { 0x3020_0073 };
