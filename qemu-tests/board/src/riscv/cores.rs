//! The other cores. They run from the start; the boot code has them sleep until there is mail.

use core::arch::asm;
use core::sync::atomic::Ordering::Release;

use super::{boot, clint, csr, protection};
use crate::cores::Start;

/// Which core this is.
pub(crate) fn number() -> usize {
    if csr::IS_SUPERVISOR {
        return 0; // the others sleep, and only machine mode reads the number
    }
    let number;
    // SAFETY: reads a register.
    unsafe { asm!("csrr {}, mhartid", out(reg) number, options(nomem, nostack, preserves_flags)) };
    number
}

pub(crate) use protection::take_out as unmap;

/// Starts `core`, which goes from the boot code to [`arrive`].
///
/// # Panics
///
/// In supervisor mode.
pub(crate) fn start(core: usize, start: &'static Start) {
    if csr::IS_SUPERVISOR {
        panic!("core {core} is not started: the board wakes no other in supervisor mode");
    }
    boot::mailboxes[core].store((&raw const *start).cast_mut().cast(), Release);
    clint::set_software(core, true);
}

/// Where the boot code of such a core arrives: on a stack of its own, with floating point on and exceptions caught.
pub(super) extern "C" fn arrive() -> ! {
    protection::set();
    crate::cores::arrive()
}
