//! From QEMU's loader to Rust: down to EL1, floating point on, a stack for each purpose, .bss zeroed.
//!
//! QEMU starts the machine at the highest exception level that it has: EL1, EL2 with `virtualization=on`, EL3 with
//! `secure=on`. Nothing is translated or cached yet. Other cores than the first come the same way, when they are
//! started.

use core::arch::global_asm;
use core::mem::offset_of;

use aarch64_cpu::registers::{CNTHCTL_EL2, CPACR_EL1, HCR_EL2, SCR_EL3, SPSR_EL1, SPSR_EL2, SPSR_EL3};

use super::raspi3b;
use crate::cores::Start;

/// SCTLR_EL1 with nothing on: no translation, no caches, no alignment checks. The bits are those that read as one where
/// the processor lacks what they control: LSMAOE, nTLSMD, SPAN, EIS, TSCXT, EOS.
const SCTLR_OFF: u64 = 1 << 29 | 1 << 28 | 1 << 23 | 1 << 22 | 1 << 20 | 1 << 11;

/// CPTR_EL2 with nothing trapped: the bits that read as one, without TFP (10).
const CPTR_NO_TRAPS: u64 = 0x33ff & !(1 << 10);

/// Every interrupt masked, in any SPSR: D, A, I, F.
const MASKED: u64 =
    SPSR_EL1::D::Masked.value | SPSR_EL1::A::Masked.value | SPSR_EL1::I::Masked.value | SPSR_EL1::F::Masked.value;

const _: () = {
    // What the assembly loads in a pair.
    assert!(offset_of!(Start, guest) == 0 && offset_of!(Start, exception) == 8);
};

unsafe extern "C" {
    /// Where a core starts that is not the first; x0 is the address of its [`Start`].
    pub(super) safe static core_entry: [u32; 0];
}

global_asm!(
    r#"
    .section .text.boot, "ax"
    .global _start
    .type _start, %function
_start:
    mrs     x0, mpidr_el1
    ands    x0, x0, #0xff
    b.ne    sleep                       // with x0 = 0 the first core finds nothing, and sets things up
    .global core_entry
core_entry:
    mov     x19, x0
    mrs     x20, currentel              // the level, in bits 3:2
    cmp     x20, #(2 << 2)
    b.lo    1f
    b.eq    2f

    // EL3. What is below it runs non-secure, in 64-bit state, and traps nothing up here.
    ldr     x0, ={scr}
    msr     scr_el3, x0
    msr     cptr_el3, xzr
    msr     mdcr_el3, xzr
    adr     x1, 2f
    mov     x2, #{el2}
    mrs     x0, id_aa64pfr0_el1         // is there an EL2?
    tst     x0, #(0xf << 8)
    b.ne    3f
    ldr     x0, ={sctlr}
    msr     sctlr_el1, x0
    adr     x1, 1f
    mov     x2, #{el1}
3:  msr     elr_el3, x1
    msr     spsr_el3, x2
    eret

    // EL2. The level below sees the processor as it is: its identity, its timer, its counters.
2:  ldr     x0, ={hcr}
    msr     hcr_el2, x0                 // EL1 is 64-bit, and no hypervisor intervenes
    mov     x0, #{cnthctl}
    msr     cnthctl_el2, x0
    msr     cntvoff_el2, xzr
    ldr     x0, ={cptr}
    msr     cptr_el2, x0
    msr     hstr_el2, xzr
    mrs     x0, pmcr_el0
    ubfx    x0, x0, #11, #5             // PMCR_EL0.N: how many event counters,
    msr     mdcr_el2, x0                // MDCR_EL2.HPMN: all of them for EL1
    mrs     x0, id_aa64pfr0_el1         // an interrupt controller of version 3?
    tst     x0, #(0xf << 24)
    b.eq    9f
    mov     x0, #0xf
    msr     icc_sre_el2, x0             // EL1 uses its registers, and nothing of it is trapped
    isb
9:  mrs     x0, midr_el1
    msr     vpidr_el2, x0
    mrs     x0, mpidr_el1
    msr     vmpidr_el2, x0
    ldr     x0, ={sctlr}
    msr     sctlr_el1, x0
    adr     x0, 1f
    msr     elr_el2, x0
    mov     x0, #{el1}
    msr     spsr_el2, x0
    eret

    // EL1, where we stay.
1:  msr     daifset, #0xf
    mov     x0, #{fpen}
    msr     cpacr_el1, x0               // the compiler uses SIMD registers wherever it copies
    adrp    x0, exception_vectors
    add     x0, x0, :lo12:exception_vectors
    msr     vbar_el1, x0
    isb
    msr     spsel, #1
    mov     x29, xzr                    // where a debugger's walk ends
    mov     x30, xzr
    cbz     x19, 4f
    ldp     x0, x1, [x19]               // the stacks of a core that is started
    ldr     x2, [x19, #{emergency}]
    b       5f
4:  adrp    x0, guest_stack_base        // page-aligned, as are all stacks
    adrp    x1, exception_stack_base
    adrp    x2, emergency_stack_base
    .cfi_startproc
    .cfi_undefined x30                  // no caller: a debugger's walk ends here
5:  mov     sp, x1                      // SP_EL1
    msr     spsel, #0
    mov     sp, x0
    msr     tpidrro_el0, x2             // for the vectors, which find no register free
    cbz     x19, 6f
    bl      {arrive}

6:  adrp    x0, bss_start
    add     x0, x0, :lo12:bss_start
    adrp    x1, bss_end
    add     x1, x1, :lo12:bss_end
7:  cmp     x0, x1
    b.hs    8f
    stp     xzr, xzr, [x0], #16
    b       7b

8:  lsr     x0, x20, #2
    bl      {start}
    .cfi_endproc
    .size _start, . - _start
    .ltorg

    // A Raspberry Pi has all cores begin at `_start`. They sleep until there is the address of a `Start` in their
    // mailbox.
    .type sleep, %function
sleep:
    ldr     x1, ={local}
    add     x2, x1, #{interrupts}       // which mailboxes raise interrupts,
    mov     w3, #1
    str     w3, [x2, x0, lsl #2]        // for a core: the first, to be woken by
    add     x1, x1, x0, lsl #4
10: wfi
    ldr     w0, [x1, #{mailbox}]
    cbz     w0, 10b
    str     w0, [x1, #{mailbox}]        // taken: clears it
    b       core_entry
    .size sleep, . - sleep
    .ltorg
    .previous
    "#,
    local = const raspi3b::LOCAL_DEVICES,
    interrupts = const raspi3b::MAILBOX_INTERRUPTS - raspi3b::LOCAL_DEVICES,
    mailbox = const raspi3b::MAILBOX_CLEAR - raspi3b::LOCAL_DEVICES,
    scr = const SCR_EL3::NS::NonSecure.value | SCR_EL3::RW::NextELIsAarch64.value | SCR_EL3::HCE::HvcEnabled.value,
    hcr = const HCR_EL2::RW::EL1IsAarch64.value,
    cnthctl = const CNTHCTL_EL2::EL1PCEN::SET.value | CNTHCTL_EL2::EL1PCTEN::SET.value,
    cptr = const CPTR_NO_TRAPS,
    sctlr = const SCTLR_OFF,
    el2 = const SPSR_EL3::M::EL2h.value | MASKED,
    el1 = const SPSR_EL2::M::EL1h.value | MASKED,
    fpen = const CPACR_EL1::FPEN::TrapNothing.value,
    emergency = const offset_of!(Start, emergency),
    start = sym super::start,
    arrive = sym super::cores::arrive,
);
