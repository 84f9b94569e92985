//! The machine as a hub needs it: its clock counts nanoseconds, instructions under `-icount shift=0`.

use board::interrupts;
use greenlet_hub::Platform;

/// The core on which the guest runs.
pub(crate) struct Machine;

impl Platform for Machine {
    #[cfg(target_arch = "aarch64")]
    fn now(&self) -> u64 {
        let ticks: u64;
        // SAFETY: reads a counter, not before what comes before it.
        unsafe { core::arch::asm!("isb", "mrs {}, cntvct_el0", out(reg) ticks, options(nostack, preserves_flags)) };
        ticks
    }

    #[cfg(target_arch = "aarch64")]
    fn hertz(&self) -> u32 {
        let hertz: u64;
        // SAFETY: reads a register.
        unsafe { core::arch::asm!("mrs {}, cntfrq_el0", out(reg) hertz, options(nomem, nostack, preserves_flags)) };
        hertz as u32
    }

    #[cfg(any(target_arch = "arm", target_arch = "riscv32", target_arch = "riscv64"))]
    fn now(&self) -> u64 {
        board::instructions()
    }

    #[cfg(target_arch = "x86_64")]
    fn now(&self) -> u64 {
        // SAFETY: reads a counter.
        unsafe { core::arch::x86_64::_rdtsc() }
    }

    /// QEMU's counter, when it counts instructions.
    #[cfg(not(target_arch = "aarch64"))]
    fn hertz(&self) -> u32 {
        1_000_000_000
    }

    fn arm(&self, at: Option<u64>) {
        if let Some(at) = at {
            let ticks = u128::from(at.saturating_sub(self.now()));
            let nanoseconds = ticks * 1_000_000_000 / u128::from(self.hertz());
            // An alarm that comes too early is armed again.
            interrupts::raise_after(u32::try_from(nanoseconds).unwrap_or(u32::MAX).max(1));
        }
    }
}
