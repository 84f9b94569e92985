//! From reset to Rust: a stack for each purpose, floating point on, .bss zeroed. In Thumb-1, which all of them have.

use core::arch::global_asm;

global_asm!(
    r#"
    // What the processor reads at reset, and at each exception.
    .section .vectors, "a", %progbits
    .4byte  exception_stack_base
    .4byte  _start
    .rept   14
    .4byte  trap_entry
    .endr

    .section .text.boot, "ax", %progbits
    .global _start
    .type   _start, %function
    .thumb_func
_start:
    .cfi_startproc
    .cfi_undefined lr                   // no caller: a debugger's walk ends here
    cpsid   i
    ldr     r0, =guest_stack_base
    msr     psp, r0
    movs    r0, #2                      // CONTROL.SPSEL: the process stack
    msr     control, r0
    isb
    ldr     r0, =0xe000ed88             // CPACR: access to coprocessors 10 and 11, which are floating point
    ldr     r1, [r0]
    ldr     r2, =0xf00000
    orrs    r1, r2
    str     r1, [r0]
    dsb
    isb
    movs    r7, #0                      // where a debugger's walk along frame pointers ends
    movs    r2, #0
    ldr     r0, =bss_start
    ldr     r1, =bss_end
1:  cmp     r0, r1
    bhs     2f
    stm     r0!, {{r2}}
    b       1b
2:  bl      {start}
    udf     #0
    .cfi_endproc
    .ltorg
    .size _start, . - _start
    "#,
    start = sym super::start,
);
