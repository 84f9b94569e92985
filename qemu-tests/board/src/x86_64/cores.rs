//! The other cores, by the interrupts INIT and start-up that their local APICs take.
//!
//! A core that is started is in real mode, at an address below 1 MiB that the interrupt carries. A trampoline is copied
//! there; it continues in protected mode, where the boot code of the first core takes over.

use core::arch::global_asm;
use core::ptr;
use core::sync::atomic::AtomicUsize;
use core::sync::atomic::Ordering::{Acquire, Relaxed};

use super::{interrupts, segments, vectors};
use crate::cores::Start;
use crate::machine::instructions;

/// Where the trampoline goes. RAM that nothing uses: firmware and QEMU's loader have done their work.
const TRAMPOLINE: usize = 0x8000;

/// The [`Start`] of the core that is being started, or 0. The trampoline reads it; there is one such core at a time.
static STARTING: AtomicUsize = AtomicUsize::new(0);

// The far jump is spelt out: 16-bit code that jumps to a 32-bit address.
global_asm!(
    r#"
    .section .text.boot, "ax"
    .code16
    .type trampoline, @function
trampoline:
    cli
    cld
    xor     ax, ax
    mov     ds, ax
    lgdt    [.Lflat_pointer_copied]
    mov     eax, cr0
    or      al, 1
    mov     cr0, eax
    .byte   0x66, 0xea
    .long   protected
    .word   8                           // the first of the segments below
    .balign 8
.Lflat:
    .quad   0
    .quad   0x00cf9a000000ffff          // code, 32-bit, all addresses
    .quad   0x00cf92000000ffff          // data
.Lflat_pointer:
    .word   . - .Lflat - 1
    .long   {trampoline} + (.Lflat - trampoline)
    .set    .Lflat_pointer_copied, {trampoline} + (.Lflat_pointer - trampoline)
trampoline_end:
    .size trampoline, . - trampoline

    .code32
    .type protected, @function
protected:
    mov     eax, 16                     // the second
    mov     ds, eax
    mov     es, eax
    mov     ss, eax
    mov     ebx, dword ptr [{starting}]
    mov     esp, dword ptr [ebx]        // the guest's stack comes first
    jmp     boot_long_mode
    .size protected, . - protected
    .code64
    .previous
    "#,
    trampoline = const TRAMPOLINE,
    starting = sym STARTING,
);

const _: () = assert!(core::mem::offset_of!(Start, guest) == 0);

unsafe extern "C" {
    safe static trampoline: [u8; 0];
    safe static trampoline_end: [u8; 0];
}

/// Which core this is.
pub(crate) fn number() -> usize {
    segments::core()
}

pub(crate) use super::paging::unmap;

/// Starts `core`, which goes from the trampoline by the boot code to [`arrive`]. QEMU numbers the local APICs as we do.
pub(crate) fn start(core: usize, start: &'static Start) {
    const INIT: u32 = 0b101 << 8 | 1 << 14;
    const START_UP: u32 = 0b110 << 8 | 1 << 14 | (TRAMPOLINE >> 12) as u32;
    // Ticks, at some 3 GHz: 10 ms and 200 µs, as Intel has it.
    const AFTER_INIT: u64 = 30_000_000;
    const AFTER_START_UP: u64 = 600_000;

    let code = trampoline.as_ptr();
    let length = trampoline_end.as_ptr().addr() - code.addr();
    let place: *mut u8 = ptr::with_exposed_provenance_mut(TRAMPOLINE);
    // SAFETY: copies the trampoline, out of the image, to RAM that is mapped and that nothing uses.
    unsafe { ptr::copy_nonoverlapping(code, place, length) };
    STARTING.store((&raw const *start).addr(), Relaxed);

    interrupts::send(core, INIT);
    pause(AFTER_INIT);
    // Twice: the second is for a core that missed the first, and does nothing to one that has started.
    for _ in 0..2 {
        interrupts::send(core, START_UP);
        pause(AFTER_START_UP);
    }
}

fn pause(ticks: u64) {
    let begun = instructions();
    while instructions().wrapping_sub(begun) < ticks {}
}

/// Where the boot code of such a core arrives: on a stack of its own, in long mode, with SSE on.
pub(super) extern "C" fn arrive(start: &'static Start) -> ! {
    segments::init(start.core.load(Acquire), start.exception.load(Acquire), start.emergency.load(Acquire));
    vectors::load();
    crate::cores::arrive()
}
