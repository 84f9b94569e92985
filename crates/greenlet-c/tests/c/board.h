/* What programs of this folder that wait need of a platform: a clock with an alarm, and a device that interrupts. */
#ifndef BOARD_H
#define BOARD_H
#include "greenlet_hub.h"

#ifdef __cplusplus
extern "C" {
#endif
/* For the hub. */
extern greenlet_platform board;
/* Has the device interrupt once, in that many nanoseconds: it calls `handler`, on the stack that it interrupts. */
void device_in(uint64_t nanoseconds, void (*handler)(void));
/* Masks or unmasks interrupts; false where switches do not look at the mask. */
bool mask_interrupts(bool masked);

/* The platform's own: hosted.c, or bare.c with the file of the machine; beside alarm.c. */
uint64_t ticks(void);
void set_timer(uint64_t at);
void on_timer(void);
void idle(bool (*ask)(void *asked), void *asked, void *context); /* hosted only */
/* Bare metal only: a request to QEMU, of the machine's file; and what the start and a fault call, of bare.c. */
long semihosting(long operation, const void *argument);
void c_start(void);
void c_fault(void);
#ifdef __cplusplus
}
#endif
#endif
