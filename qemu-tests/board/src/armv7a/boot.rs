//! From QEMU's loader to Rust: a stack for each mode, .bss zeroed. QEMU starts the machine in Supervisor mode, with
//! translation and caches off.

use core::arch::global_asm;

global_asm!(
    r#"
    .section .text.boot, "ax", %progbits
    .arm
    .global _start
    .type   _start, %function
_start:
    .cfi_startproc
    .cfi_undefined lr                   // no caller: a debugger's walk ends here
    ldr     r0, =exception_stack_base
    ldr     r1, =emergency_stack_base
    cpsid   aif, #0x11                  // FIQ, which no device raises
    mov     sp, r0
    cps     #0x12                       // IRQ
    mov     sp, r0
    cps     #0x17                       // Abort
    mov     sp, r1
    cps     #0x1b                       // Undefined: while it is handled, no interrupt is
    mov     sp, r0
    cps     #0x13                       // Supervisor, which nothing enters
    mov     sp, r0
    cps     #0x1f                       // System, where the guest stays
    ldr     sp, =guest_stack_base
    ldr     r0, =exception_vectors
    mcr     p15, 0, r0, c12, c0, 0      // VBAR
    mov     r11, #0                     // where a debugger's walk along frame pointers ends
    mov     r2, #0
    ldr     r0, =bss_start
    ldr     r1, =bss_end
1:  cmp     r0, r1
    strlo   r2, [r0], #4
    blo     1b
    cpsie   a
    bl      {start}
    udf     #0
    .cfi_endproc
    .ltorg
    .size _start, . - _start
    "#,
    start = sym super::start,
);
