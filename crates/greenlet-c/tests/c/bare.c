/* What every machine without an operating system has: console and exit by semihosting. */
#include "board.h"
#include "check.h"

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

void c_start(void) { leave(run()); }

/* An exception: a fault of the program's. */
void c_fault(void) {
    put("fault\n");
    leave(102);
}

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
