//! QEMU's `virt` with a RISC-V processor, in machine mode: floating point on, .bss zeroed, a stack; ends by SiFive's test
//! device with what the program returns, and 16.

core::arch::global_asm!(
    r#"
    .section .boot, "ax"
    .global _start
_start:
    li      t0, 0x6000                  // mstatus.FS: floating point is on
    csrs    mstatus, t0
    la      t0, bss_start
    la      t1, bss_end
1:  bgeu    t0, t1, 2f
    sw      zero, 0(t0)
    addi    t0, t0, 4
    j       1b
2:  la      sp, stack_base
    li      a0, 3
    li      a1, 0
    call    program
    addi    a0, a0, 16
    slli    a0, a0, 16
    li      t0, 0x3333                  // the test failed, with this code
    or      a0, a0, t0
    li      t0, 0x100000
    sw      a0, 0(t0)
3:  wfi
    j       3b
    .previous
    "#
);

/// Writes a byte to the 16550.
pub(crate) fn put(byte: u8) {
    const DATA: *mut u8 = core::ptr::without_provenance_mut(0x1000_0000);

    // SAFETY: the data register of the machine's serial port, which takes a byte at any time under QEMU.
    unsafe { DATA.write_volatile(byte) };
}
