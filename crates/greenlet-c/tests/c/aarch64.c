/* Of QEMU's aarch64 `virt`: the start, the timer and its interrupt, semihosting. */
#include "board.h"

long semihosting(long operation, const void *argument) {
    register long x0 __asm__("x0") = operation;
    register const void *x1 __asm__("x1") = argument;
    __asm__ volatile("hlt #0xf000" : "+r"(x0) : "r"(x1) : "memory");
    return x0;
}

/* The virtual timer of the processor, and its interrupt in the board's controller (GICv2). */
enum { TIMER = 27 };
static volatile uint32_t *const distributor = (volatile uint32_t *)0x08000000;
static volatile uint32_t *const interface = (volatile uint32_t *)0x08010000;

uint64_t ticks(void) {
    uint64_t now;
    __asm__ volatile("isb; mrs %0, cntvct_el0" : "=r"(now) : : "memory");
    return now;
}
void set_timer(uint64_t at) {
    uint64_t on = at != UINT64_MAX;
    __asm__ volatile("msr cntv_cval_el0, %0; msr cntv_ctl_el0, %1; isb" : : "r"(at), "r"(on) : "memory");
}
bool mask_interrupts(bool masked) {
    if (masked) __asm__ volatile("msr daifset, #2" : : : "memory");
    else __asm__ volatile("msr daifclr, #2; isb" : : : "memory");
    return true;
}
void c_interrupt(void);
void c_interrupt(void) {
    uint32_t number = interface[3]; /* acknowledges it */
    if ((number & 1023) == TIMER) on_timer();
    interface[4] = number; /* its end */
}
void start_interrupts(void);
void start_interrupts(void) {
    uint64_t hertz;
    __asm__("mrs %0, cntfrq_el0" : "=r"(hertz));
    board.hertz = (uint32_t)hertz;
    set_timer(UINT64_MAX);
    distributor[0x100 / 4] = 1u << TIMER;
    distributor[0] = 1;
    interface[1] = 0xff;
    interface[0] = 1;
    mask_interrupts(false);
}

/* Floating point on, a stack, .bss to zero; the processor starts with the rest as the programs here need it. */
__asm__(".section .text.boot, \"ax\"\n"
        ".global _start\n"
        "_start: mov x0, #(3 << 20)\n"
        "    msr cpacr_el1, x0\n"
        "    adr x0, vectors\n"
        "    msr vbar_el1, x0\n"
        "    isb\n"
        "    adrp x0, stack_base\n"
        "    add x0, x0, :lo12:stack_base\n"
        "    mov sp, x0\n"
        "    adrp x0, bss_start\n"
        "    add x0, x0, :lo12:bss_start\n"
        "    adrp x1, bss_end\n"
        "    add x1, x1, :lo12:bss_end\n"
        "1:  cmp x0, x1\n"
        "    b.hs 2f\n"
        "    stp xzr, xzr, [x0], #16\n"
        "    b 1b\n"
        "2:  bl start_interrupts\n"
        "    mov x29, xzr\n"
        "    mov x30, xzr\n"
        "    b c_start\n"
        ".balign 2048\n"
        "vectors: .rept 5\n"
        "    b c_fault\n"
        "    .balign 128\n"
        ".endr\n"
        "    b interrupt\n"
        "    .balign 128\n"
        ".rept 10\n"
        "    b c_fault\n"
        "    .balign 128\n"
        ".endr\n"
        /* On the stack of the code that it interrupts, with all that a function in C may change. */
        "interrupt: sub sp, sp, #704\n"
        ".irp i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18\n"
        "    str x\\i, [sp, #8 * \\i]\n"
        ".endr\n"
        "    mrs x0, fpsr\n"
        "    mrs x1, fpcr\n"
        "    stp x0, x1, [sp, #160]\n"
        "    str x30, [sp, #152]\n"
        ".irp i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
        "    str q\\i, [sp, #192 + 16 * \\i]\n"
        ".endr\n"
        ".irp i, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n"
        "    str q\\i, [sp, #192 + 16 * \\i]\n"
        ".endr\n"
        "    bl c_interrupt\n"
        ".irp i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
        "    ldr q\\i, [sp, #192 + 16 * \\i]\n"
        ".endr\n"
        ".irp i, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n"
        "    ldr q\\i, [sp, #192 + 16 * \\i]\n"
        ".endr\n"
        "    ldr x30, [sp, #152]\n"
        "    ldp x0, x1, [sp, #160]\n"
        "    msr fpsr, x0\n"
        "    msr fpcr, x1\n"
        ".irp i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18\n"
        "    ldr x\\i, [sp, #8 * \\i]\n"
        ".endr\n"
        "    add sp, sp, #704\n"
        "    eret\n");
