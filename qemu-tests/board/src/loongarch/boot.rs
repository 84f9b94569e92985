//! From QEMU's loader to Rust: floating point on, a stack for each purpose, .bss zeroed.

use core::arch::global_asm;

use super::traps::{AREA, EMERGENCY};

global_asm!(
    r#"
    .section .text.boot, "ax", @progbits
    .global _start
    .type _start, @function
_start:
    move    $ra, $zero
    move    $fp, $zero                  // where a debugger's walk ends
    .cfi_startproc
    .cfi_undefined 1                    // no caller: a debugger's walk ends here
    la.pcrel $sp, guest_stack_base      // page-aligned, as are all stacks
    la.pcrel $t1, exception_stack_base
    la.pcrel $t2, emergency_stack_base
    addi.d  $t1, $t1, -{area}
    addi.d  $t2, $t2, -{area}
    st.d    $t2, $t1, {next}            // a trap during the handling of a trap goes to the emergency stack,
    st.d    $t2, $t2, {next}            // and so do further ones
    st.d    $zero, $t1, {next} + 8      // interrupts are handled on their own stack
    csrwr   $t1, 0x30                   // SAVE0
    move    $t0, $zero
    csrwr   $t0, 0x4                    // ECFG: no interrupt, and one entry for all exceptions
    la.pcrel $t0, trap_entry
    csrwr   $t0, 0xc                    // EENTRY
    ori     $t0, $zero, 1
    csrwr   $t0, 0x2                    // EUEN.FPE: floating point is on
    movgr2fcsr $fcsr0, $zero
    la.pcrel $t0, bss_start
    la.pcrel $t1, bss_end
4:  bgeu    $t0, $t1, 5f
    st.d    $zero, $t0, 0
    addi.d  $t0, $t0, 8
    b       4b
5:  bl      {start}
    .cfi_endproc
    .size _start, . - _start
    .previous
    "#,
    area = const AREA,
    next = const EMERGENCY,
    start = sym super::start,
);
