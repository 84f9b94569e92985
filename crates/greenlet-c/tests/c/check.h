/* What the programs of this folder need of a platform, and the macro that they check with. */
#ifndef CHECK_H
#define CHECK_H
#include "greenlet.h"

#ifdef __cplusplus
extern "C" {
#endif
/* The platform's: hosted.c or bare.c. */
void put(const char *text);
/* Ends the program, with that exit status. */
#if defined(__GNUC__)
__attribute__((noreturn))
#endif
void leave(int status);
/* The program's: returns 0 if all is well. */
int run(void);
#ifdef __cplusplus
}
#endif

static unsigned checks, failures;

static inline void put_number(uintptr_t number) {
    char digits[24], *at = digits + sizeof digits - 1;
    *at = 0;
    do *--at = (char)('0' + number % 10); while (number /= 10);
    put(at);
}

static inline void check(bool holds, const char *what, const char *file, unsigned line) {
    checks++;
    if (holds) return;
    failures++;
    put(file), put(":"), put_number(line), put(": not so: "), put(what), put("\n");
}

#define CHECK(WHAT) check((WHAT), #WHAT, __FILE__, __LINE__)
/* The last line, and the exit status. A program that has checked less than EXPECTED has not run to its end. */
static inline int verdict(unsigned expected) {
    put("DONE "), put_number(checks - failures), put("/"), put_number(checks), put("\n");
    if (checks != expected) put("expected are "), put_number(expected), put("\n");
    return failures != 0 || checks != expected;
}

/* Values are numbers here. */
static inline void *word(uintptr_t number) { return (void *)number; }
static inline bool is(greenlet_result result, uint32_t kind, uintptr_t value) {
    return result.kind == kind && result.value == word(value);
}
#endif
