/* greenlet_hub.h: tasks over greenlet.h, woken by interrupts. A scheduler for one core, in statics.
 *
 *     GREENLET_POOL(stacks, 1, 8192);
 *     GREENLET_TASKS(tasks, 1);                                       // as many tasks at a time
 *     static greenlet_signal button;                                  // zeros are a new one
 *
 *     void button_interrupt(void) { greenlet_signal_raise(&button, 1); }
 *
 *     static greenlet_result lamp(greenlet_task *me, void *argument) {
 *         for (;;) {
 *             (void)GREENLET_TRY(greenlet_signal_wait(me, &button));  // others run, or the core sleeps
 *             switch_lamp(true);
 *             (void)GREENLET_TRY(greenlet_task_sleep(me, 500000000)); // half a second
 *             switch_lamp(false);
 *         }
 *     }
 *
 * A task is a function with a stack of its own, which runs until it waits. When all tasks wait, the core sleeps. Tasks
 * are not preempted. It is the crate greenlet-hub, whose documentation says more; the tree, the pools and the kinds of
 * results are those of greenlet.h.
 *
 * RULES
 *
 * - `me` is the task that runs, borrowed: no other task uses it. A wait with that of another one is refused, with
 *   GREENLET_NOT_CURRENT.
 * - Every wait returns why it ended. GREENLET_EXIT: the task was killed, or the program ends; each later wait ends with
 *   that at once, so the body cleans up and returns the result as it is.
 * - All functions but greenlet_signal_raise and _take are called in a task, not in interrupt handlers.
 * - SIZE of a pool for tasks is GREENLET_LEAST_TASK_STACK or more; a task that sleeps does so on its own stack.
 * - For targets with compare-and-swap: all but Armv6-M, and RISC-V without the extension A.
 */
#ifndef GREENLET_HUB_H
#define GREENLET_HUB_H

#include "greenlet.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The least SIZE of a pool for tasks, in bytes. */
#define GREENLET_LEAST_TASK_STACK 4096

/* ---- The hub ---- */

/* The clock, the alarm and the sleep of the core. A static. */
typedef struct greenlet_platform {
    /* The time in ticks. It never decreases. */
    uint64_t (*now)(void *context);
    /* Requests an interrupt at that time, or at once if it has passed; UINT64_MAX: none. The new request replaces the
     * one before. Called before each sleep. */
    void (*arm)(uint64_t at, void *context);
    /* Ends the sleep of the hub's core. Called in interrupt handlers and on other cores that raise a signal. Null where
     * only interrupts of the hub's own core do, since these end its sleep. */
    void (*kick)(void *context);
    /* Masks interrupts, calls `ask(asked)`, sleeps until an interrupt if that is true, and unmasks them. No interrupt
     * may be lost between the call and the sleep. Null, on bare metal only: by wfi or hlt. */
    void (*idle)(bool (*ask)(void *asked), void *asked, void *context);
    void *context;
    uint32_t hertz; /* ticks per second */
} greenlet_platform;

/* What the hub has of a task, where tasks of that number run at a time. Made by GREENLET_TASKS. */
typedef struct greenlet_tasks {
    uint64_t *slots;
    size_t count;
} greenlet_tasks;
/* In uint64_t. Firmware with Rust parts may have the library compiled so that it has more: see the README. */
#if !defined(GREENLET_SLOT_WORDS)
#define GREENLET_SLOT_WORDS (sizeof(void *) == 8 ? 13 : 9)
#endif

/* Defines NAME, with room for COUNT tasks, local to the file. Outside of functions. */
#define GREENLET_TASKS(NAME, COUNT)                                                                                    \
    static uint64_t NAME##_slots[COUNT][GREENLET_SLOT_WORDS];                                                          \
    static const greenlet_tasks NAME = { NAME##_slots[0], (COUNT) }

typedef struct greenlet_task greenlet_task;

/* The body of a task. */
typedef greenlet_result (*greenlet_task_body)(greenlet_task *me, void *argument);

/* ---- Tasks ---- */

typedef struct greenlet_task_options {
    const char *name; /* UTF-8, lives for ever. Null for none */
    /* Called once with the body's argument: when the body is over, or when it can no longer begin. */
    void (*release)(void *argument);
    uint32_t level; /* 0 to 3: a task that is ready runs before every one of a lower level */
} greenlet_task_options;

/* A task, until it is joined or detached. A handle must not be copied, and must not be given to another spawn while it
 * is in use. */
typedef struct greenlet_task_handle {
    uint64_t private_[3];
} greenlet_task_handle;

/* Creates a task, which is ready: its body begins when this one waits. `made` null: it is detached. `options` may be
 * null.
 *
 * Returns 0, or GREENLET_NULL, _NO_SLOT, _POOL_EMPTY, _BAD_POOL, _BAD_NAME, _OTHER_CORE, _ENDED. If it is refused,
 * `*made` is unchanged, and `argument` stays the caller's. */
uint32_t greenlet_task_spawn(greenlet_task_handle *made, greenlet_task *me, greenlet_pool *pool,
                             greenlet_task_body body, void *argument, const greenlet_task_options *options)
    GREENLET_CHECKED;

/* Waits until a task has ended, and stores in `*ended`, which may be null, what its body returned: GREENLET_EXIT if it
 * was killed before it began. Its stack is free then. The handle is used up, whatever this returns but GREENLET_NULL
 * and GREENLET_NOT_CURRENT. */
greenlet_result greenlet_task_join(greenlet_task *me, greenlet_task_handle *task, greenlet_result *ended)
    GREENLET_CHECKED;

/* The same, for that long. The handle is used up only if this returns GREENLET_VALUE; else the kind is GREENLET_TIMEOUT,
 * or one of those below. Meanwhile other tasks may kill and throw with the handle; to join or detach is refused, with
 * GREENLET_NULL. The handle stays where it is until this returns. */
greenlet_result greenlet_task_join_for(greenlet_task *me, greenlet_task_handle *task, greenlet_result *ended,
                                       uint64_t nanoseconds) GREENLET_CHECKED;

/* Asks a task to end: each wait of it returns GREENLET_EXIT from now on. 0, or GREENLET_NULL, _GONE if it has ended. */
uint32_t greenlet_task_kill(const greenlet_task_handle *task);

/* Throws an error into a task: its present wait, or else its next one, returns it as GREENLET_ERROR, once. It replaces
 * one that was not delivered yet. 0, or GREENLET_NULL, _GONE if the task has ended: the error stays the caller's. */
uint32_t greenlet_task_throw(const greenlet_task_handle *task, void *error);

/* Gives a handle up; the task continues. 0, or GREENLET_NULL. */
uint32_t greenlet_task_detach(greenlet_task_handle *task);

/* ---- Waits ----
 *
 * Each may end with GREENLET_EXIT; with GREENLET_ERROR that was thrown into the task or its greenlet; in the main task
 * with GREENLET_DEADLOCK, when no task can ever run again; and within greenlet_task_within with GREENLET_TIMEOUT.
 * Refused: GREENLET_NULL, _NOT_CURRENT, _MASKED, _OVERFLOW.
 *
 * Those whose names end in _for end with GREENLET_TIMEOUT when that many nanoseconds are over, rounded up to a tick. With
 * 0 that may be so even if something is there to be received. They are also refused with GREENLET_TOO_DEEP. */

/* Lets the others run that are ready, each once. */
greenlet_result greenlet_task_yield(greenlet_task *me) GREENLET_CHECKED;

/* Waits that long, rounded up to a tick. */
greenlet_result greenlet_task_sleep(greenlet_task *me, uint64_t nanoseconds) GREENLET_CHECKED;

/* 32 bits that any code may raise, and for which one task at a time waits. A static of zeros. */
typedef struct greenlet_signal {
    void *private_[4];
} greenlet_signal;

/* Raises bits, and wakes the task that waits. From any core and any interrupt handler. 0, or GREENLET_NULL. */
uint32_t greenlet_signal_raise(greenlet_signal *signal, uint32_t bits);

/* Takes the bits that are raised; 0 if none is. */
uint32_t greenlet_signal_take(greenlet_signal *signal);

/* Waits until bits are raised, and takes them: the value. Also refused: GREENLET_SECOND_WAITER. */
greenlet_result greenlet_signal_wait(greenlet_task *me, greenlet_signal *signal) GREENLET_CHECKED;
greenlet_result greenlet_signal_wait_for(greenlet_task *me, greenlet_signal *signal, uint64_t nanoseconds)
    GREENLET_CHECKED;

/* A channel of pointers: each goes from one task to another, and none is kept in it. A static of zeros. */
typedef struct greenlet_channel {
    void *private_[4];
    uint32_t private32_[3];
} greenlet_channel;

/* Waits until a task receives `value`, which then continues first. If no task did, the result has `value`, and the kind
 * says why, GREENLET_CLOSED among others; an error that was thrown takes its place. */
greenlet_result greenlet_channel_send(greenlet_task *me, greenlet_channel *channel, void *value) GREENLET_CHECKED;
greenlet_result greenlet_channel_send_for(greenlet_task *me, greenlet_channel *channel, void *value,
                                          uint64_t nanoseconds) GREENLET_CHECKED;

/* Waits until a task sends: the value. GREENLET_CLOSED, if no task can any more. */
greenlet_result greenlet_channel_receive(greenlet_task *me, greenlet_channel *channel) GREENLET_CHECKED;
greenlet_result greenlet_channel_receive_for(greenlet_task *me, greenlet_channel *channel, uint64_t nanoseconds)
    GREENLET_CHECKED;

/* Without a wait: the value goes to a task that waits to receive, or comes from one that waits to send. Else
 * GREENLET_WOULD_WAIT or _CLOSED, or _NULL; that of a send has `value`. */
greenlet_result greenlet_channel_try_send(greenlet_task *me, greenlet_channel *channel, void *value) GREENLET_CHECKED;
greenlet_result greenlet_channel_try_receive(greenlet_task *me, greenlet_channel *channel) GREENLET_CHECKED;

/* Closes it: what tasks wait to send is received first. 0, or GREENLET_NULL. */
uint32_t greenlet_channel_close(greenlet_task *me, greenlet_channel *channel);

/* ---- Code with a limit, and code without ---- */

/* Calls `body`, whose waits end with GREENLET_TIMEOUT once the time is over; each later one, too, until it returns.
 * Returns what `body` does. Refused: GREENLET_NULL, _NOT_CURRENT, _TOO_DEEP; `body` was not called then. */
greenlet_result greenlet_task_within(greenlet_task *me, uint64_t nanoseconds, greenlet_task_body body, void *argument)
    GREENLET_CHECKED;

/* Calls `body`, in which no wait ends by a kill, an error that is thrown, or a time that began outside: for cleaning up
 * that has to wait, such as sending the last bytes. What comes meanwhile ends the first wait afterwards. Put a
 * greenlet_task_within in it; else a kill has no effect while it waits. Returns what `body` does. Refused:
 * GREENLET_NULL, _NOT_CURRENT; `body` was not called then. */
greenlet_result greenlet_task_shield(greenlet_task *me, greenlet_task_body body, void *argument) GREENLET_CHECKED;

/* ---- Running ---- */

/* What the library was compiled to think of the structs above; see GREENLET_BAD_ABI. */
#define GREENLET_HUB_LAYOUT                                                                                            \
    ((uint64_t)(GREENLET_SLOT_WORDS * sizeof(uint64_t) / sizeof(void *)) |                                             \
     (uint64_t)(sizeof(greenlet_signal) / sizeof(void *)) << 8 |                                                       \
     (uint64_t)(sizeof(greenlet_channel) / sizeof(void *)) << 16 |                                                     \
     (uint64_t)(sizeof(greenlet_platform) / sizeof(void *)) << 24 |                                                    \
     (uint64_t)(sizeof(greenlet_tasks) / sizeof(void *)) << 32 |                                                       \
     (uint64_t)(sizeof(greenlet_task_options) / sizeof(void *)) << 40 |                                                \
     (uint64_t)(sizeof(greenlet_task_handle) / sizeof(void *)) << 48)

uint64_t greenlet_hub_layout(void); /* GREENLET_HUB_LAYOUT of the archive */

greenlet_result greenlet_hub_run_abi_1(const greenlet_tasks *tasks, const greenlet_platform *platform,
                                       greenlet_task_body body, void *argument, const greenlet_hooks *hooks,
                                       uint64_t layout);

/* Makes the caller the main task, instead of greenlet_enter, and calls `body`. When that returns, the tasks that are
 * left are killed, and this returns its result when they have ended. `hooks` may be null.
 *
 * Refused: GREENLET_NULL, _CORE_BUSY, _OTHER_CORE, _STILL_REFERRED, _MASKED, _BAD_ABI. */
static inline greenlet_result greenlet_hub_run(const greenlet_tasks *tasks, const greenlet_platform *platform,
                                               greenlet_task_body body, void *argument, const greenlet_hooks *hooks) {
    return greenlet_hub_run_abi_1(tasks, platform, body, argument, hooks, GREENLET_HUB_LAYOUT);
}

#ifdef __cplusplus
}
#endif
#endif
