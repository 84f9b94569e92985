/* Of QEMU's `virt` with a RISC-V processor of 32 or 64 bits, in machine mode: the start, the timer and its interrupt,
 * semihosting. */
#include "board.h"

/* A request is an `ebreak` between two instructions that do nothing, all on one page. */
long semihosting(long operation, const void *argument) {
    register long a0 __asm__("a0") = operation;
    register const void *a1 __asm__("a1") = argument;
    __asm__ volatile(".balign 16\n"
                     ".option push\n"
                     ".option norvc\n"
                     "slli zero, zero, 0x1f\n"
                     "ebreak\n"
                     "srai zero, zero, 7\n"
                     ".option pop\n"
                     : "+r"(a0)
                     : "r"(a1)
                     : "memory");
    return a0;
}

/* The counter and the deadline of the board's CLINT, of 64 bits each, here in halves; 10 MHz. */
static volatile uint32_t *const counter = (volatile uint32_t *)0x0200bff8;
static volatile uint32_t *const deadline = (volatile uint32_t *)0x02004000;
enum { TIMER = 7 };

uint64_t ticks(void) {
    uint32_t high, low;
    do high = counter[1], low = counter[0];
    while (high != counter[1]);
    return (uint64_t)high << 32 | low;
}
void set_timer(uint64_t at) {
    deadline[1] = UINT32_MAX; /* none comes between the two */
    deadline[0] = (uint32_t)at;
    deadline[1] = (uint32_t)(at >> 32);
}
bool mask_interrupts(bool masked) {
    if (masked) __asm__ volatile("csrci mstatus, 8" : : : "memory");
    else __asm__ volatile("csrsi mstatus, 8" : : : "memory");
    return true;
}
/* On the stack of the code that it interrupts. */
void c_trap(void);
__attribute__((interrupt("machine"), aligned(4))) void c_trap(void) {
    long cause;
    __asm__ volatile("csrr %0, mcause" : "=r"(cause));
    if (cause >= 0) c_fault();
    on_timer();
}
void start_interrupts(void);
void start_interrupts(void) {
    board.hertz = 10000000;
    set_timer(UINT64_MAX);
    __asm__ volatile("csrw mtvec, %0; csrs mie, %1" : : "r"(c_trap), "r"(1 << TIMER) : "memory");
    mask_interrupts(false);
}

/* A stack, .bss to zero. QEMU starts one core. */
__asm__(".section .text.boot, \"ax\"\n"
        ".global _start\n"
        "_start: la sp, stack_base\n"
        "    la a0, bss_start\n"
        "    la a1, bss_end\n"
        "1:  bgeu a0, a1, 2f\n"
        "    sw zero, 0(a0)\n"
        "    addi a0, a0, 4\n"
        "    j 1b\n"
        "2:  call start_interrupts\n"
        "    li s0, 0\n"
        "    li ra, 0\n"
        "    j c_start\n"
        ".text\n");
