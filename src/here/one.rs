//! One core in the world: one record, at a fixed address.

use super::Here;
#[cfg(all(target_arch = "x86_64", target_os = "none"))]
use core::{arch::asm, mem::offset_of};

static HERE: Here = Here::new();

/// The record of the core that this code runs on.
pub(crate) fn this_core() -> Option<&'static Here> {
    Some(&HERE)
}

/// The same, for a report from a handler.
pub(crate) fn reported_core() -> Option<&'static Here> {
    Some(&HERE)
}

/// How a control block finds its core's record: it need not look.
#[derive(Clone, Copy)]
pub(crate) struct Link;

impl Link {
    pub(crate) fn to(_here: &'static Here) -> Self {
        Self
    }

    #[inline(always)]
    pub(crate) fn here(self) -> &'static Here {
        &HERE
    }
}

/// `interrupts` exclusive or with [`Here::slow`].
#[cfg(not(all(target_arch = "x86_64", target_os = "none")))]
#[inline(always)]
pub(crate) fn differs(here: &Here, interrupts: u32) -> u32 {
    interrupts ^ here.slow()
}

/// The same in one instruction: the compiler makes no relaxed load a part of another one.
#[cfg(all(target_arch = "x86_64", target_os = "none"))]
#[inline(always)]
pub(crate) fn differs(_here: &Here, interrupts: u32) -> u32 {
    let mut differs = interrupts;
    // SAFETY: reads an aligned word of 4 bytes, which the processor does in one piece: what a relaxed load of the atomic does.
    unsafe {
        asm!(
            "xor {differs:e}, dword ptr [rip + {here} + {slow}]",
            differs = inout(reg) differs,
            here = sym HERE,
            slow = const offset_of!(Here, slow),
            options(readonly, nostack, pure),
        );
    }
    differs
}
