/* The processor starts at EL1 with translation, caches and floating point off. Atomic operations need translated and
 * cached memory, and compilers copy memory through floating point registers. */
    .section .text.boot, "ax"
    .global _start
_start:
    mov     x0, #(3 << 20)              // CPACR_EL1.FPEN: floating point at EL1 and EL0
    msr     cpacr_el1, x0
    adrp    x0, map                     // aligned to a page
    msr     ttbr0_el1, x0
    ldr     x0, =0xff00                 // MAIR_EL1: attribute 0: device; attribute 1: memory, write-back
    msr     mair_el1, x0
    ldr     x0, =0x100803519            // TCR_EL1: 39 bits of address, walks through the caches, no upper half
    msr     tcr_el1, x0
    tlbi    vmalle1
    dsb     sy
    isb
    mrs     x0, sctlr_el1
    mov     x1, #0x1005                 // SCTLR_EL1: translation, data and instruction caches
    orr     x0, x0, x1
    msr     sctlr_el1, x0
    isb

    adrp    x0, main_stack_base
    add     x0, x0, :lo12:main_stack_base
    mov     sp, x0
    adrp    x0, bss_start
    add     x0, x0, :lo12:bss_start
    adrp    x1, bss_end
    add     x1, x1, :lo12:bss_end
1:  cmp     x0, x1
    b.hs    2f
    stp     xzr, xzr, [x0], #16
    b       1b
2:  mov     x29, xzr                    // a debugger's walk ends here
    mov     x30, xzr
    bl      firmware
    ldr     w0, =0x84000008             // PSCI: SYSTEM_OFF, which the machine takes by `hvc`
    hvc     #0
3:  wfi
    b       3b

/* The translation table: an identity map of 1 GiB of devices and 1 GiB of RAM, as blocks. */
    .section .rodata.map, "a"
    .balign 4096
map:
    .quad 0x0060000000000401            // execute-never; attribute 0
    .quad 0x0000000040000705            // inner shareable; attribute 1
    .fill 510, 8, 0
