/* Of QEMU's q35, entered by PVH: the start, the timer and its interrupt; console and exit. */
#include "board.h"

static void out(uint16_t port, uint8_t byte) { __asm__ volatile("outb %0, %1" : : "a"(byte), "Nd"(port) : "memory"); }

/* The board has no semihosting. These are the requests that bare.c makes: for a character, a text and the end. */
long semihosting(long operation, const void *argument) {
    const char *text = (const char *)argument;
    enum { SERIAL = 0x3f8, EXIT = 0xf4 };
    switch (operation) {
    case 0x03: out(SERIAL, (uint8_t)*text); break;
    case 0x04: while (*text) out(SERIAL, (uint8_t)*text++); break;
    default: __asm__ volatile("outl %0, %1" : : "a"((uint32_t)((const uintptr_t *)argument)[1]), "Nd"((uint16_t)EXIT));
    }
    return 0;
}

/* The PC's timer, every millisecond: its interrupts are counted, and are the alarm, too. */
static volatile uint64_t interrupts;

uint64_t ticks(void) { return interrupts; }
void set_timer(uint64_t at) { (void)at; }
bool mask_interrupts(bool masked) {
    if (masked) __asm__ volatile("cli" : : : "memory");
    else __asm__ volatile("sti" : : : "memory");
    return true;
}
enum { CONTROLLER = 0x20, SECOND_CONTROLLER = 0xa0, TIMER = 0x40, VECTOR = 32 };
void c_interrupt(void);
void c_interrupt(void) {
    out(CONTROLLER, 0x20); /* its end */
    interrupts = interrupts + 1;
    on_timer();
}

/* The interrupt descriptor table, of two words each. */
static struct {
    uint64_t low, high;
} table[VECTOR + 1] __attribute__((aligned(16)));
static void enter(unsigned vector, uintptr_t code) {
    table[vector].low = (code & 0xffff) | 0x8e0000080000 | (uint64_t)(code >> 16 & 0xffff) << 48;
    table[vector].high = code >> 32;
}
extern char interrupt[];
void start_interrupts(void);
void start_interrupts(void) {
    static struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) pointer;
    /* Both controllers anew: the vectors, how they are connected, no interrupt but the timer's. */
    static const uint8_t words[] = { 0x11, VECTOR, 4, 1, 0xfe }, second[] = { 0x11, VECTOR + 8, 2, 1, 0xff };
    for (unsigned at = 0; at < sizeof words; at++) {
        out((uint16_t)(CONTROLLER + (at != 0)), words[at]);
        out((uint16_t)(SECOND_CONTROLLER + (at != 0)), second[at]);
    }
    out(TIMER + 3, 0x34); /* counts down from the next two bytes, again and again, at 1193182 Hz */
    out(TIMER, 1193 & 0xff);
    out(TIMER, 1193 >> 8);
    board.hertz = 1000;
    for (unsigned vector = 0; vector < VECTOR; vector++) enter(vector, (uintptr_t)c_fault);
    enter(VECTOR, (uintptr_t)interrupt);
    pointer.limit = sizeof table - 1;
    pointer.base = (uintptr_t)table;
    __asm__ volatile("lidt %0" : : "m"(pointer) : "memory");
    mask_interrupts(false);
}

/* From protected mode to long mode, with a gigabyte mapped one to one; a stack, .bss to zero. */
__asm__(".section .note.pvh, \"a\", @note\n"
        ".balign 4\n"
        ".long 4, 8, 18\n" /* the entry, in 32 bits */
        ".asciz \"Xen\"\n"
        ".quad _start\n"
        ".section .data.boot, \"aw\"\n"
        ".balign 4096\n"
        "pages: .set address, 0\n"
        ".rept 512\n"
        "    .quad address + 0x83\n"
        "    .set address, address + 0x200000\n"
        ".endr\n"
        "gigabytes: .quad pages + 3\n"
        "    .fill 511, 8, 0\n"
        "root: .quad gigabytes + 3\n"
        "    .fill 511, 8, 0\n"
        "segments: .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff\n"
        "segments_pointer: .word 23\n"
        "    .quad segments\n"
        ".section .text.boot, \"ax\"\n"
        ".code32\n"
        ".global _start\n"
        "_start: cli\n"
        "    cld\n"
        "    movl $stack_base, %esp\n"
        "    movl $bss_start, %edi\n"
        "    movl $bss_end, %ecx\n"
        "    subl %edi, %ecx\n"
        "    xorl %eax, %eax\n"
        "    rep stosb\n"
        "    movl $0x20, %eax\n" /* entries of 64 bits */
        "    movl %eax, %cr4\n"
        "    movl $root, %eax\n"
        "    movl %eax, %cr3\n"
        "    movl $0xc0000080, %ecx\n" /* EFER: long mode */
        "    movl $0x100, %eax\n"
        "    xorl %edx, %edx\n"
        "    wrmsr\n"
        "    movl $0x80010011, %eax\n"
        "    movl %eax, %cr0\n"
        "    lgdt segments_pointer\n"
        "    ljmp $8, $1f\n"
        ".code64\n"
        "1:  movl $16, %eax\n"
        "    movl %eax, %ss\n"
        "    movl %eax, %ds\n"
        "    movl %eax, %es\n"
        "    call start_interrupts\n"
        "    xorl %ebp, %ebp\n"
        "    call c_start\n"
        /* On the stack of the code that it interrupts, with all that a function in C may change. No code here uses
         * floating point. The processor has aligned the stack, and pushed five words. */
        "interrupt: push %rax\n"
        ".irp register, rcx, rdx, rsi, rdi, r8, r9, r10, r11\n"
        "    push %\\register\n"
        ".endr\n"
        "    cld\n"
        "    call c_interrupt\n"
        ".irp register, r11, r10, r9, r8, rdi, rsi, rdx, rcx\n"
        "    pop %\\register\n"
        ".endr\n"
        "    pop %rax\n"
        "    iretq\n"
        ".text\n");
