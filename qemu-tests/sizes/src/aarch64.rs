//! QEMU's `virt`: floating point on, .bss zeroed, a stack; ends by semihosting with what the program returns, and 16.

core::arch::global_asm!(
    r#"
    .section .boot, "ax"
    .global _start
_start:
    mov     x0, #(3 << 20)              // CPACR_EL1.FPEN: nothing is trapped
    msr     cpacr_el1, x0
    isb
    msr     daifclr, #0xf
    ldr     x0, =bss_start
    ldr     x1, =bss_end
1:  cmp     x0, x1
    b.hs    2f
    stp     xzr, xzr, [x0], #16
    b       1b
2:  ldr     x0, =stack_base
    mov     sp, x0
    mov     x0, #3
    bl      program
    add     x1, x0, #16
    ldr     x0, =0x20026                // ADP_Stopped_ApplicationExit
    stp     x0, x1, [sp, #-16]!
    mov     w0, #0x20                   // SYS_EXIT_EXTENDED
    mov     x1, sp
    hlt     #0xf000
3:  wfi
    b       3b
    .ltorg
    .previous
    "#
);

/// Writes a byte to the PL011.
pub(crate) fn put(byte: u8) {
    const DATA: *mut u32 = core::ptr::without_provenance_mut(0x0900_0000);

    // SAFETY: the data register of the machine's serial port, which takes a byte at any time under QEMU.
    unsafe { DATA.write_volatile(byte.into()) };
}
