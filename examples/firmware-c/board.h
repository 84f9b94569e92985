/* What the firmware has of its board. */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

/* Of the machine: virt.c or mps2.c. */
void put(char character);

void print(const char *text);
void print_number(uintptr_t number);

/* Called by the start-up code. The machine powers off when it returns. */
void firmware(void);

#endif
