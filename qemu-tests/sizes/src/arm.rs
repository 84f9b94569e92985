//! A Cortex-M, in Thumb-1: .bss zeroed, the rest of the RAM painted, a stack, which handlers share; ends by
//! semihosting with what the program returns, and 16.

core::arch::global_asm!(
    r#"
    .section .boot, "ax"
    .4byte  stack_base
    .4byte  _start
    .rept   14
    .4byte  3f + 1
    .endr
    .global _start
    .type   _start, %function
    .thumb_func
_start:
    ldr     r0, =0xe000ed88             // CPACR: floating point is on. Without it there is nothing at this address
    ldr     r1, =0xf00000
    str     r1, [r0]
    ldr     r0, =bss_start
    ldr     r1, =bss_end
    movs    r2, #0
1:  cmp     r0, r1
    bhs     2f
    stm     r0!, {{r2}}
    b       1b
2:  ldr     r1, =stack_base
    ldr     r2, ={PAINT}
4:  cmp     r0, r1
    bhs     5f
    stm     r0!, {{r2}}
    b       4b
5:  movs    r0, #3
    movs    r1, #0
    bl      program
    adds    r0, #16
    ldr     r1, =0x20026                // ADP_Stopped_ApplicationExit
    push    {{r0}}
    push    {{r1}}
    movs    r0, #0x20                   // SYS_EXIT_EXTENDED
    mov     r1, sp
    bkpt    #0xab
3:  b       3b
    .ltorg
    .previous
    "#,
    PAINT = const PAINT,
);

/// What is in RAM that was never written.
const PAINT: u32 = 0x6e69_6150;

/// Bytes between the statics and main's stack that were never written.
pub fn untouched() -> usize {
    unsafe extern "C" {
        static bss_end: u32;
        static stack_base: u32;
    }
    let (start, end) = (&raw const bss_end, &raw const stack_base);
    let is_painted = |&word: &usize| {
        // SAFETY: RAM, which was painted or is stack.
        let word = unsafe { start.wrapping_add(word).read_volatile() };
        word == PAINT
    };
    4 * (0..(end.addr() - start.addr()) / 4).take_while(is_painted).count()
}

/// Writes a byte to the console of semihosting.
pub(crate) fn put(byte: u8) {
    /// SYS_WRITEC.
    const WRITE_CHARACTER: usize = 3;
    // SAFETY: the operation reads the byte, and changes r0 alone.
    unsafe {
        core::arch::asm!(
            "bkpt #0xab",
            inlateout("r0") WRITE_CHARACTER => _,
            in("r1") &raw const byte,
            options(nostack, readonly, preserves_flags),
        );
    }
}
