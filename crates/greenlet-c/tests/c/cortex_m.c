/* Of QEMU's boards with a Cortex-M: the start, the timer of the processor and its interrupt, semihosting. */
#include "board.h"

long semihosting(long operation, const void *argument) {
    register long r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt #0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

bool mask_interrupts(bool masked) {
    if (masked) __asm__ volatile("cpsid i" : : : "memory");
    else __asm__ volatile("cpsie i" : : : "memory");
    return true;
}

/* SysTick, every millisecond: its interrupts are counted, and are the alarm, too. */
enum { CONTROL, RELOAD, VALUE, CYCLES = 25000 };
static volatile uint32_t *const systick = (volatile uint32_t *)0xe000e010;
static volatile uint64_t interrupts;

uint64_t ticks(void) {
    uint64_t now;
    do now = interrupts; /* two loads, between which it may change */
    while (now != interrupts);
    return now;
}
void set_timer(uint64_t at) { (void)at; }
void c_interrupt(void);
void c_interrupt(void) {
    interrupts = interrupts + 1;
    on_timer();
}
void start_interrupts(void);
void start_interrupts(void) {
    board.hertz = 1000;
    systick[RELOAD] = CYCLES - 1;
    systick[VALUE] = 0;
    systick[CONTROL] = 7; /* counts the processor's cycles, and interrupts */
}

/* The vectors, with a stack of their own for exceptions; floating point on where there is any, .bss to zero. */
__asm__(".syntax unified\n"
        ".section .vectors, \"a\", %progbits\n"
        "    .4byte exception_stack_base\n"
        "    .4byte _start\n"
        ".rept 13\n"
        "    .4byte c_fault\n"
        ".endr\n"
        "    .4byte c_interrupt\n"
        ".section .text.boot, \"ax\", %progbits\n"
        ".thumb\n"
        ".global _start\n"
        ".type _start, %function\n"
        ".thumb_func\n"
        "_start: ldr r0, =stack_base\n"
        "    msr psp, r0\n"
        "    movs r0, #2\n" /* CONTROL.SPSEL: greenlets run on the process stack, handlers on the other one */
        "    msr control, r0\n"
        "    isb\n"
        "    ldr r0, =0xe000ed88\n" /* CPACR: access to floating point */
        "    ldr r1, [r0]\n"
        "    orr r1, r1, #0xf00000\n"
        "    str r1, [r0]\n"
        "    dsb\n"
        "    isb\n"
        "    movs r7, #0\n" /* a debugger's walk ends here */
        "    movs r2, #0\n"
        "    ldr r0, =bss_start\n"
        "    ldr r1, =bss_end\n"
        "1:  cmp r0, r1\n"
        "    bhs 2f\n"
        "    str r2, [r0], #4\n"
        "    b 1b\n"
        "2:  bl start_interrupts\n"
        "    bl c_start\n"
        "    udf #0\n"
        ".ltorg\n"
        ".text\n");
