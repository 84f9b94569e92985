/* One timer for two: the alarm of the hub, and the device. */
#include "board.h"

static volatile uint64_t hub_at = UINT64_MAX, device_at = UINT64_MAX;
static void (*volatile device_handler)(void);

static void set(void) { set_timer(hub_at < device_at ? hub_at : device_at); }

/* The handler of the timer's interrupt. */
void on_timer(void) {
    uint64_t now = ticks();
    if (hub_at <= now) hub_at = UINT64_MAX; /* it has ended the sleep */
    if (device_at <= now) {
        device_at = UINT64_MAX;
        device_handler();
    }
    set();
}

static uint64_t now(void *context) {
    (void)context;
    return ticks();
}
/* The hub has masked interrupts. */
static void arm(uint64_t at, void *context) {
    (void)context;
    hub_at = at;
    set();
}

#if __STDC_HOSTED__
greenlet_platform board = { now, arm, NULL, idle, NULL, 1000000000 };
#else
greenlet_platform board = { now, arm, NULL, NULL, NULL, 0 }; /* the machine's file asks the processor */
#endif

void device_in(uint64_t nanoseconds, void (*handler)(void)) {
    mask_interrupts(true);
    device_handler = handler;
    device_at = ticks() + nanoseconds / 1000 * board.hertz / 1000000 + 1;
    set();
    mask_interrupts(false);
}
