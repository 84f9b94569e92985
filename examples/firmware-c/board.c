/* The console, what compilers call of a C library, and greenlet_panic. */
#include "board.h"
#include "greenlet.h"

void print(const char *text) {
    for (; *text; text++) put(*text);
}

void print_number(uintptr_t number) {
    char digits[24], *at = digits + sizeof digits - 1;
    *at = 0;
    do *--at = (char)('0' + number % 10);
    while (number /= 10);
    print(at);
}

/* A bug. A product resets the chip here. */
void greenlet_panic(const char *message, size_t length) {
    print("panic: ");
    while (length--) put(*message++);
    print("\n");
    for (;;) __asm__ volatile("wfi");
}

/* Volatile, so that no compiler makes a call of the function itself of the loop. */
void *memcpy(void *to, const void *from, size_t bytes) {
    volatile unsigned char *t = to;
    const unsigned char *f = from;
    while (bytes--) *t++ = *f++;
    return to;
}
void *memset(void *to, int byte, size_t bytes) {
    volatile unsigned char *t = to;
    while (bytes--) *t++ = (unsigned char)byte;
    return to;
}
