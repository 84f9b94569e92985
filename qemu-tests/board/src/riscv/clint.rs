//! The core-local interruptor: a software interrupt for each core, and a counter with a deadline for each.

use core::arch::asm;

use super::{csr, device, instructions};

const CLINT: usize = 0x0200_0000;
/// Of each core, a word: 1 raises its software interrupt.
pub(super) const SOFTWARE: usize = CLINT;
/// Of each core, 8 bytes: its timer's interrupt is raised while the counter is not below.
const DEADLINES: usize = CLINT + 0x4000;
/// 8 bytes.
const COUNTER: usize = CLINT + 0xbff8;

/// Nanoseconds of the counter's tick.
pub(super) const TICK: u64 = 100;

/// Raises the software interrupt of a core, or takes it back.
pub(super) fn set_software(core: usize, raised: bool) {
    device::store(SOFTWARE + 4 * core, raised.into());
}

/// The counter.
pub(super) fn counter() -> u64 {
    loop {
        let high = device::load(COUNTER + 4);
        let low = device::load(COUNTER);
        if device::load(COUNTER + 4) == high {
            return u64::from(high) << 32 | u64::from(low);
        }
    }
}

/// Sets the deadline of a core. It is far away in between. Returns how many [`instructions`] there were before the
/// store that ends this.
pub(super) fn set_deadline(core: usize, ticks: u64) -> u64 {
    let after = if csr::IS_SUPERVISOR { set_own(ticks) } else { set_that_of(core, ticks) };
    let now = instructions();
    // The lower half is all that there is of it on 32 bits.
    now - u64::from((now as u32).wrapping_sub(after as u32)) - 1
}

/// Returns the lower half of [`instructions`] behind the store.
fn set_that_of(core: usize, ticks: u64) -> usize {
    let register = DEADLINES + 8 * core;
    device::store(register + 4, u32::MAX);
    device::store(register, ticks as u32);
    let after: usize;
    // SAFETY: a device's register, as above; and reads a counter.
    unsafe {
        asm!(
            "sw {high}, 4({register})",
            "csrr {after}, cycle",
            high = in(reg) (ticks >> 32) as u32,
            register = in(reg) register,
            after = out(reg) after,
            options(nostack, preserves_flags),
        );
    }
    after
}

/// The same of supervisor mode, whose deadline is a register of the processor: stimecmp.
fn set_own(ticks: u64) -> usize {
    let after: usize;
    #[cfg(target_pointer_width = "64")]
    // SAFETY: an interrupt that is handled, or masked; and reads a counter.
    unsafe {
        asm!(
            "csrw 0x14d, {ticks}",
            "csrr {after}, cycle",
            ticks = in(reg) ticks,
            after = out(reg) after,
            options(nostack, preserves_flags),
        );
    }
    #[cfg(target_pointer_width = "32")]
    // SAFETY: the same.
    unsafe {
        asm!(
            "csrw 0x15d, {far}",
            "csrw 0x14d, {low}",
            "csrw 0x15d, {high}",
            "csrr {after}, cycle",
            far = in(reg) u32::MAX,
            low = in(reg) ticks as u32,
            high = in(reg) (ticks >> 32) as u32,
            after = out(reg) after,
            options(nostack, preserves_flags),
        );
    }
    after
}
