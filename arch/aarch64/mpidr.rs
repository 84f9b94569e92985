//! Core identity from MPIDR_EL1.

use crate::arch::{Cpu, Native};
use core::arch::asm;

/// Cores identified by the affinity fields of MPIDR_EL1, and handlers that run with interrupts masked, as for
/// [`SingleCore`](crate::SingleCore).
///
/// The number is `Aff0 + 16 * Aff1`, which is how a GIC of version 3 counts clusters; Aff2 and Aff3 are zero.
///
/// Ready-made for [`core_identity!`](crate::core_identity), with `unsafe` before it: the promise is that no handler
/// unmasks interrupts.
///
/// ```no_run
/// # #![no_std]
/// # #![no_main]
/// # #[panic_handler]
/// # fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }
/// greenlet::core_identity!(unsafe greenlet::Mpidr);
/// ```
#[derive(Debug)]
pub struct Mpidr;

impl Mpidr {
    /// The number of this core, from the affinity fields (Arm ARM, D19.2.101): `Aff0 + 16 * Aff1`. Where that formula
    /// does not hold, because Aff2 or Aff3 is not zero or Aff0 is 16 or more, `usize::MAX`.
    ///
    /// ```no_run
    /// # #![no_std]
    /// # #![no_main]
    /// # #[panic_handler]
    /// # fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }
    /// fn is_boot_core() -> bool { greenlet::Mpidr::number() == 0 }
    /// ```
    #[must_use]
    pub fn number() -> usize {
        let mpidr: usize;
        // SAFETY: reads a register that every exception level above 0 may read.
        unsafe { asm!("mrs {}, mpidr_el1", out(reg) mpidr, options(nomem, nostack, preserves_flags)) };
        let (aff0, aff1, aff2, aff3) = (mpidr & 0xff, mpidr >> 8 & 0xff, mpidr >> 16 & 0xff, mpidr >> 32 & 0xff);
        if aff2 == 0 && aff3 == 0 && aff0 < 16 { aff0 + 16 * aff1 } else { usize::MAX }
    }

    /// Whether interrupts are masked.
    ///
    /// ```no_run
    /// # #![no_std]
    /// # #![no_main]
    /// # #[panic_handler]
    /// # fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }
    /// fn may_enter() -> bool { !greenlet::Mpidr::in_handler() }
    /// ```
    #[must_use]
    pub fn in_handler() -> bool {
        Native::in_handler()
    }
}
