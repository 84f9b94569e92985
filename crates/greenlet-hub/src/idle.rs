//! The sleep of a bare core: for interrupts of this core, the last test for work and the sleep are one step.
//!
//! ```text
//!          aarch64                 32-bit Arm       RISC-V                x86_64
//!   mask   msr daifset, #2         cpsid i          csrci mstatus, 8      cli
//!   look   sleep() ─── false: unmask, return
//!   sleep  dsb sy; wfi             dsb; wfi         fence; wfi            sti; hlt       one asm block: an interrupt
//!   unmask msr daifclr, #2; isb    cpsie i; isb     csrsi mstatus, 8                     is taken after `hlt` began
//! ```
//!
//! Interrupts that were masked before stay masked. A pending one ends WFI nevertheless, on RISC-V if `mie` has its bit,
//! and on Cortex-M unless BASEPRI masks it. It would not end HLT, which is therefore skipped then.
//!
//! If an interrupt comes before the mask, its handler has run, and the test for work sees what it did. If it comes
//! after the mask, it is pending: it ends WFI although it is masked, and it ends HLT because x86_64 takes no interrupt
//! between `sti` and the instruction after it.

use core::arch::asm;

/// Reads a special register.
#[cfg(target_arch = "arm")]
macro_rules! special_register {
    ($name:literal) => {{
        let value: u32;
        // SAFETY: reads a register.
        unsafe { asm!(concat!("mrs {}, ", $name), out(reg) value, options(nomem, nostack, preserves_flags)) };
        value
    }};
}

/// mstatus, or sstatus, by its number, and its bit that unmasks interrupts: MIE, or SIE.
#[cfg(any(target_arch = "riscv32", target_arch = "riscv64"))]
const STATUS: u32 = if cfg!(feature = "supervisor-mode") { 0x100 } else { 0x300 };
#[cfg(any(target_arch = "riscv32", target_arch = "riscv64"))]
const ENABLE: usize = if cfg!(feature = "supervisor-mode") { 1 << 1 } else { 1 << 3 };

/// Masks interrupts and calls `sleep`; if it returns `true`, sleeps until an interrupt is pending. Then the mask is as
/// it was before.
///
/// The sleep of [`Platform::idle`](crate::Platform::idle) on bare metal. It runs at EL1 or in ring 0. An interrupt that
/// arrives after the call of `sleep` ends the sleep at once. In a critical section no handler runs before it is left;
/// on x86_64 this does not sleep there, because a masked interrupt would not end the sleep.
///
/// An NMI between `sti` and `hlt` on x86_64 ends the protection of `sti`: its handler must step over the `hlt`.
///
/// ```
/// use core::sync::atomic::{AtomicBool, Ordering::Acquire};
/// static PRESSED: AtomicBool = AtomicBool::new(false);
/// fn wait_for_button() {
///     while !PRESSED.load(Acquire) {
///         greenlet_hub::sleep_if(|| !PRESSED.load(Acquire)); // the handler stores `true`
///     }
/// }
/// ```
#[cfg(target_arch = "aarch64")]
pub fn sleep_if(sleep: impl FnOnce() -> bool) {
    let masked = is_masked();
    // SAFETY: masks IRQs. Memory is clobbered, so what handlers wrote is read after this.
    unsafe { asm!("msr daifset, #2", options(nostack, preserves_flags)) };
    if sleep() {
        // The barrier completes writes to devices, such as that of the alarm, before the core sleeps.
        // SAFETY: a barrier and a hint.
        unsafe { asm!("dsb sy", "wfi", options(nostack, preserves_flags)) };
    }
    if !masked {
        // SAFETY: IRQs were unmasked.
        unsafe { asm!("msr daifclr, #2", "isb", options(nostack, preserves_flags)) };
    }
}

/// Masks interrupts and calls `sleep`; if it returns `true`, sleeps until an interrupt is pending. Then the mask is as
/// it was before.
///
/// The sleep of [`Platform::idle`](crate::Platform::idle) on bare metal. It runs at EL1 or in ring 0. An interrupt that
/// arrives after the call of `sleep` ends the sleep at once. In a critical section no handler runs before it is left;
/// on x86_64 this does not sleep there, because a masked interrupt would not end the sleep.
///
/// An NMI between `sti` and `hlt` on x86_64 ends the protection of `sti`: its handler must step over the `hlt`.
///
/// ```
/// use core::sync::atomic::{AtomicBool, Ordering::Acquire};
/// static PRESSED: AtomicBool = AtomicBool::new(false);
/// fn wait_for_button() {
///     while !PRESSED.load(Acquire) {
///         greenlet_hub::sleep_if(|| !PRESSED.load(Acquire)); // the handler stores `true`
///     }
/// }
/// ```
#[cfg(target_arch = "x86_64")]
pub fn sleep_if(sleep: impl FnOnce() -> bool) {
    let masked = is_masked();
    // SAFETY: masks interrupts. Memory is clobbered, so what handlers wrote is read after this.
    unsafe { asm!("cli", options(nostack)) };
    let sleeps = sleep();
    if masked {
        return;
    }
    if sleeps {
        // SAFETY: interrupts were unmasked. One block, so nothing is between the two.
        unsafe { asm!("sti", "hlt", options(nostack)) };
    } else {
        // SAFETY: interrupts were unmasked. The instruction after `sti` lets pending ones in.
        unsafe { asm!("sti", "nop", options(nostack)) };
    }
}

/// Masks interrupts and calls `sleep`; if it returns `true`, sleeps until an interrupt is pending. Then the mask is as
/// it was before.
///
/// The sleep of [`Platform::idle`](crate::Platform::idle) on bare metal. It runs in a privileged mode. An interrupt
/// that arrives after the call of `sleep` ends the sleep at once. In a critical section no handler runs before it is
/// left.
///
/// ```
/// use core::sync::atomic::{AtomicBool, Ordering::Acquire};
/// static PRESSED: AtomicBool = AtomicBool::new(false);
/// fn wait_for_button() {
///     while !PRESSED.load(Acquire) {
///         greenlet_hub::sleep_if(|| !PRESSED.load(Acquire)); // the handler stores `true`
///     }
/// }
/// ```
#[cfg(target_arch = "arm")]
pub fn sleep_if(sleep: impl FnOnce() -> bool) {
    let masked = masks_irqs();
    // SAFETY: masks IRQs. Memory is clobbered, so what handlers wrote is read after this.
    unsafe { asm!("cpsid i", options(nostack, preserves_flags)) };
    if sleep() {
        // The barrier completes writes to devices, such as that of the alarm, before the core sleeps.
        // SAFETY: a barrier and a hint.
        unsafe { asm!("dsb", "wfi", options(nostack, preserves_flags)) };
    }
    if !masked {
        // SAFETY: IRQs were unmasked.
        unsafe { asm!("cpsie i", "isb", options(nostack, preserves_flags)) };
    }
}

/// Masks interrupts and calls `sleep`; if it returns `true`, sleeps until an interrupt is pending. Then the mask is as
/// it was before.
///
/// The sleep of [`Platform::idle`](crate::Platform::idle) on bare metal. It runs in machine mode, or with the feature
/// `supervisor-mode` in supervisor mode. An interrupt that arrives after the call of `sleep` ends the sleep at once, if
/// `mie` or `sie` enables it. In a critical section, with mstatus.MIE or sstatus.SIE clear, no handler runs before it is
/// left.
///
/// ```
/// use core::sync::atomic::{AtomicBool, Ordering::Acquire};
/// static PRESSED: AtomicBool = AtomicBool::new(false);
/// fn wait_for_button() {
///     while !PRESSED.load(Acquire) {
///         greenlet_hub::sleep_if(|| !PRESSED.load(Acquire)); // the handler stores `true`
///     }
/// }
/// ```
#[cfg(any(target_arch = "riscv32", target_arch = "riscv64"))]
pub fn sleep_if(sleep: impl FnOnce() -> bool) {
    let masked = is_masked();
    // SAFETY: masks interrupts. Memory is clobbered, so what handlers wrote is read after this.
    unsafe { asm!("csrci {}, {}", const STATUS, const ENABLE, options(nostack, preserves_flags)) };
    if sleep() {
        // The barrier completes writes to devices, such as that of the alarm, before the core sleeps.
        // SAFETY: a barrier and a hint.
        unsafe { asm!("fence iorw, iorw", "wfi", options(nostack, preserves_flags)) };
    }
    if !masked {
        // SAFETY: interrupts were unmasked.
        unsafe { asm!("csrsi {}, {}", const STATUS, const ENABLE, options(nostack, preserves_flags)) };
    }
}

/// Returns `true` if `cpsid i` has masked interrupts.
// An Armv7-A has atomics of 64 bits, and no Cortex-M.
#[cfg(all(target_arch = "arm", target_has_atomic = "64"))]
fn masks_irqs() -> bool {
    special_register!("cpsr") & 1 << 7 != 0
}
#[cfg(all(target_arch = "arm", not(target_has_atomic = "64")))]
fn masks_irqs() -> bool {
    special_register!("primask") & 1 != 0
}

/// Returns `true` if this core takes no interrupts now.
#[cfg(all(target_arch = "arm", target_has_atomic = "64"))]
pub(crate) fn is_masked() -> bool {
    masks_irqs()
}

/// Returns `true` if this core takes no interrupts now, or not all: in a handler PRIMASK may be clear, and those that do
/// not preempt it wait all the same.
#[cfg(all(target_arch = "arm", not(target_has_atomic = "64")))]
pub(crate) fn is_masked() -> bool {
    masks_irqs() || special_register!("ipsr") | special_register!("basepri") != 0
}

/// Returns `true` if this core takes no interrupts now.
#[cfg(any(target_arch = "riscv32", target_arch = "riscv64"))]
pub(crate) fn is_masked() -> bool {
    let status: usize;
    // SAFETY: reads a register.
    unsafe { asm!("csrr {}, {}", out(reg) status, const STATUS, options(nomem, nostack, preserves_flags)) };
    status & ENABLE == 0
}

/// Returns `true` if this core takes no interrupts now.
#[cfg(target_arch = "aarch64")]
pub(crate) fn is_masked() -> bool {
    let daif: u64;
    // SAFETY: reads a register.
    unsafe { asm!("mrs {}, daif", out(reg) daif, options(nomem, nostack, preserves_flags)) };
    daif & 1 << 7 != 0
}

/// Returns `true` if this core takes no interrupts now.
#[cfg(target_arch = "x86_64")]
pub(crate) fn is_masked() -> bool {
    let flags: u64;
    // SAFETY: pushes and pops a copy of RFLAGS.
    unsafe { asm!("pushfq", "pop {}", out(reg) flags, options(preserves_flags)) };
    flags & 1 << 9 == 0
}
