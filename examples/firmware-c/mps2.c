/* QEMU's `mps2-an386` with a Cortex-M4, and `mps2-an385` with a Cortex-M3: from reset to firmware(), and a UART. */
#include "board.h"

/* Of the linker script. */
extern char handler_stack_base[];
extern uint32_t data_start[], data_end[], data_stored[], bss_start[], bss_end[];

/* The UART of Arm's CMSDK. */
static volatile uint32_t *const uart = (volatile uint32_t *)0x40004000;
enum { DATA, STATE, CONTROL, BAUD = 4 };
enum { FULL = 1, TRANSMITS = 1 };

void put(char character) {
    while (uart[STATE] & FULL) {}
    uart[DATA] = (unsigned char)character;
}

/* Ends QEMU, by semihosting. A product sleeps here. */
static void power_off(void) {
    register uint32_t r0 __asm__("r0") = 0x18;    /* SYS_EXIT */
    register uint32_t r1 __asm__("r1") = 0x20026; /* by the program's own decision */
    for (;;) __asm__ volatile("bkpt #0xab" : "+r"(r0) : "r"(r1) : "memory");
}

/* On the stack of main. */
void start(void);
void start(void) {
    const uint32_t *from = data_stored;
    for (uint32_t *at = data_start; at != data_end; at++) *at = *from++;
    for (uint32_t *at = bss_start; at != bss_end; at++) *at = 0;
    uart[BAUD] = 16;
    uart[CONTROL] = TRANSMITS;
    firmware();
    power_off();
}

/* At reset. Greenlets run on the process stack, and handlers of interrupts on the main one: so a greenlet's stack needs
 * no room for them but for the registers that the processor pushes. */
void reset(void);
__attribute__((naked)) void reset(void) {
    __asm__(".syntax unified\n"
            "    ldr r0, =main_stack_base\n"
            "    msr psp, r0\n"
            "    movs r0, #2\n" /* CONTROL.SPSEL */
            "    msr control, r0\n"
            "    isb\n"
#if defined(__ARM_FP)
            "    ldr r0, =0xe000ed88\n" /* CPACR: access to floating point */
            "    ldr r1, [r0]\n"
            "    orr r1, r1, #0xf00000\n"
            "    str r1, [r0]\n"
            "    dsb\n"
            "    isb\n"
#endif
            "    bl start\n"
            ".ltorg\n");
}

static void fault(void) {
    print("fault\n");
    for (;;) __asm__ volatile("wfi");
}

/* What the processor reads at reset, and at each exception. Interrupts of devices follow. */
typedef void (*vector)(void);
__attribute__((section(".vectors"), used)) static const vector vectors[16] = {
    (vector)handler_stack_base, reset, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault,
    fault, fault,
};
