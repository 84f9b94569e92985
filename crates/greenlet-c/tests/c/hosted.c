/* The platform of programs under an operating system. */
#include "check.h"
#include <stdio.h>
#include <stdlib.h>

void put(const char *text) { fputs(text, stdout); }
void leave(int status) {
    fflush(stdout);
    _Exit(status);
}
void greenlet_panic(const char *message, size_t length) {
    printf("panic: %.*s\n", (int)length, message);
    leave(101);
}
int main(void) { return run(); }
