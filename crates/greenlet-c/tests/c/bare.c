/* The platform of programs on QEMU's aarch64 `virt` without an operating system: console and exit by semihosting. */
#include "check.h"

static long semihosting(long operation, const void *argument) {
    register long x0 __asm__("x0") = operation;
    register const void *x1 __asm__("x1") = argument;
    __asm__ volatile("hlt #0xf000" : "+r"(x0) : "r"(x1) : "memory");
    return x0;
}

void put(const char *text) { semihosting(0x04, text); }
void leave(int status) {
    const uintptr_t block[2] = { 0x20026, (uintptr_t)status };
    for (;;) semihosting(0x20, block);
}
void greenlet_panic(const char *message, size_t length) {
    put("panic: ");
    for (size_t at = 0; at < length; at++) semihosting(0x03, message + at);
    put("\n");
    leave(101);
}
void c_start(void);
void c_start(void) { leave(run()); }

/* An exception: a fault of the program's. */
void c_fault(void);
void c_fault(void) {
    put("fault\n");
    leave(102);
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
        "2:  mov x29, xzr\n"
        "    mov x30, xzr\n"
        "    b c_start\n"
        ".balign 2048\n"
        "vectors: .rept 16\n"
        "    b c_fault\n"
        "    .balign 128\n"
        ".endr\n");

/* What compilers call of a C library. */
void *memcpy(void *to, const void *from, size_t bytes);
void *memset(void *to, int byte, size_t bytes);
int memcmp(const void *one, const void *other, size_t bytes);
void *memcpy(void *to, const void *from, size_t bytes) {
    volatile unsigned char *t = (volatile unsigned char *)to;
    const unsigned char *f = (const unsigned char *)from;
    while (bytes--) *t++ = *f++;
    return to;
}
void *memset(void *to, int byte, size_t bytes) {
    volatile unsigned char *t = (volatile unsigned char *)to;
    while (bytes--) *t++ = (unsigned char)byte;
    return to;
}
int memcmp(const void *one, const void *other, size_t bytes) {
    const unsigned char *a = (const unsigned char *)one, *b = (const unsigned char *)other;
    for (; bytes--; a++, b++)
        if (*a != *b) return *a - *b;
    return 0;
}
