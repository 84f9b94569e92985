//! Critical sections of one core: interrupts masked on bare metal. Hosted nothing, because no signal handler uses
//! signals of Embassy here, which is to its favour.

use critical_section::{Impl, RawRestoreState, set_impl};

struct OneCore;
set_impl!(OneCore);

// SAFETY: on the one core that runs, masked interrupts leave nothing else that could enter a critical section. Hosted,
// one thread uses this package's signals.
unsafe impl Impl for OneCore {
    #[inline(always)]
    unsafe fn acquire() -> RawRestoreState {
        mask()
    }

    #[inline(always)]
    unsafe fn release(before: RawRestoreState) {
        restore(before);
    }
}

#[cfg(all(target_os = "none", target_arch = "aarch64"))]
mod machine {
    use core::arch::asm;

    /// Masks interrupts; returns the masks as they were.
    #[inline(always)]
    pub(super) fn mask() -> usize {
        let before;
        // SAFETY: reads and sets masks. Not `nomem`: nothing moves out of a critical section.
        unsafe { asm!("mrs {}, daif", "msr daifset, #2", out(reg) before, options(nostack, preserves_flags)) };
        before
    }

    #[inline(always)]
    pub(super) fn restore(before: usize) {
        // SAFETY: sets the masks as they were.
        unsafe { asm!("msr daif, {}", in(reg) before, options(nostack, preserves_flags)) };
    }
}

#[cfg(all(target_os = "none", any(target_arch = "riscv32", target_arch = "riscv64")))]
mod machine {
    use core::arch::asm;

    /// mstatus.MIE, which unmasks interrupts.
    const MIE: usize = 1 << 3;

    /// Masks interrupts; returns the flags as they were.
    #[inline(always)]
    pub(super) fn mask() -> usize {
        let before;
        // SAFETY: reads the flags and masks. Not `nomem`: nothing moves out of a critical section.
        unsafe { asm!("csrrci {}, mstatus, 8", out(reg) before, options(nostack, preserves_flags)) };
        before
    }

    #[inline(always)]
    pub(super) fn restore(before: usize) {
        // SAFETY: sets the mask as it was.
        unsafe { asm!("csrs mstatus, {}", in(reg) before & MIE, options(nostack, preserves_flags)) };
    }
}

#[cfg(all(target_os = "none", target_arch = "arm", target_has_atomic = "64"))]
mod machine {
    use core::arch::asm;

    /// CPSR.I, which masks interrupts.
    const I: usize = 1 << 7;

    /// Masks interrupts; returns CPSR as it was.
    #[inline(always)]
    pub(super) fn mask() -> usize {
        let before;
        // SAFETY: reads and sets the mask. Not `nomem`: nothing moves out of a critical section.
        unsafe { asm!("mrs {}, cpsr", "cpsid i", out(reg) before, options(nostack, preserves_flags)) };
        before
    }

    #[inline(always)]
    pub(super) fn restore(before: usize) {
        if before & I == 0 {
            // SAFETY: unmasks what was not masked. Not `nomem`, as above.
            unsafe { asm!("cpsie i", options(nostack, preserves_flags)) };
        }
    }
}

#[cfg(all(target_os = "none", target_arch = "arm", not(target_has_atomic = "64")))]
mod machine {
    use core::arch::asm;

    /// Masks interrupts; returns PRIMASK as it was.
    #[inline(always)]
    pub(super) fn mask() -> usize {
        let before;
        // SAFETY: reads and sets the mask. Not `nomem`: nothing moves out of a critical section.
        unsafe { asm!("mrs {}, primask", "cpsid i", out(reg) before, options(nostack, preserves_flags)) };
        before
    }

    #[inline(always)]
    pub(super) fn restore(before: usize) {
        // SAFETY: sets the mask as it was.
        unsafe { asm!("msr primask, {}", in(reg) before, options(nostack, preserves_flags)) };
    }
}

#[cfg(all(target_os = "none", target_arch = "loongarch64"))]
mod machine {
    use core::arch::asm;

    /// The bit of CRMD that unmasks interrupts.
    const IE: usize = 1 << 2;

    /// Masks interrupts; returns IE as it was.
    #[inline(always)]
    pub(super) fn mask() -> usize {
        let mut mode = 0_usize;
        // SAFETY: exchanges the mask. Not `nomem`: nothing moves out of a critical section.
        unsafe { asm!("csrxchg {}, $t0, 0", inout(reg) mode, in("$t0") IE, options(nostack, preserves_flags)) };
        mode
    }

    #[inline(always)]
    pub(super) fn restore(before: usize) {
        // SAFETY: sets the mask as it was.
        unsafe { asm!("csrxchg {}, $t0, 0", inout(reg) before => _, in("$t0") IE, options(nostack, preserves_flags)) };
    }
}

#[cfg(all(target_os = "none", target_arch = "x86_64"))]
mod machine {
    use core::arch::asm;

    /// The flag that unmasks interrupts.
    const IF: usize = 1 << 9;

    /// Masks interrupts; returns the flags as they were.
    #[inline(always)]
    pub(super) fn mask() -> usize {
        let before;
        // SAFETY: reads the flags and masks. Not `nomem`: nothing moves out of a critical section.
        unsafe { asm!("pushfq", "pop {}", "cli", out(reg) before, options(preserves_flags)) };
        before
    }

    #[inline(always)]
    pub(super) fn restore(before: usize) {
        if before & IF != 0 {
            // SAFETY: interrupts were not masked before.
            unsafe { asm!("sti", options(nostack, preserves_flags)) };
        }
    }
}

#[cfg(not(target_os = "none"))]
mod machine {
    pub(super) fn mask() -> usize {
        0
    }

    pub(super) fn restore(_: usize) {}
}

use machine::{mask, restore};
