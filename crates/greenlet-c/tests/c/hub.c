/* The functions of greenlet_hub.h: tasks, a signal that an interrupt raises, sleep, a channel of pointers; and each
 * misuse with its named error. Compiled as C and as C++. */
#include "board.h"
#include "check.h"

enum { STACK = __STDC_HOSTED__ ? 64 * 1024 : 8192 }; /* hosted, the handler of a signal runs on it */

GREENLET_POOL(stacks, 3, STACK);
GREENLET_POOL(least, 1, __STDC_HOSTED__ ? STACK : GREENLET_LEAST_TASK_STACK);
GREENLET_POOL(small, 1, GREENLET_LEAST_TASK_STACK - 64);
GREENLET_TASKS(tasks, 4);
static greenlet_signal button;
static greenlet_channel line;

static bool task_is(greenlet_task *me, greenlet_task_handle *task, uint32_t kind, uintptr_t value) {
    greenlet_result ended = greenlet_ok(word(99));
    return is(greenlet_task_join(me, task, &ended), GREENLET_VALUE, 0) && is(ended, kind, value);
}

/* ---- Tasks ---- */

static unsigned order[16], ran;
static uintptr_t released;
static void release(void *argument) { released += (uintptr_t)argument; }

static greenlet_result thrice(greenlet_task *me, void *argument) {
    unsigned turn;
    for (turn = 0; turn < 2; turn++) {
        order[ran++] = (unsigned)(uintptr_t)argument;
        (void)GREENLET_TRY(greenlet_task_yield(me));
    }
    return greenlet_ok(argument);
}
static greenlet_result fails(greenlet_task *me, void *argument) {
    (void)me;
    return greenlet_error(argument);
}
static greenlet_result waits(greenlet_task *me, void *argument) {
    greenlet_result result = greenlet_signal_wait(me, &button);
    *(uint32_t *)argument = result.kind;
    return result;
}

static void lives(greenlet_task *me) {
    static const greenlet_task_options low = { "low", release, 0 }, high = { "high", release, 3 };
    greenlet_task_handle a, b, c;
    uint32_t kind = 99;
    CHECK(greenlet_task_spawn(&a, me, &stacks, thrice, word(1), &low) == 0);
    CHECK(greenlet_task_spawn(&b, me, &stacks, thrice, word(2), &low) == 0);
    CHECK(greenlet_task_spawn(&c, me, &stacks, thrice, word(3), &high) == 0);
    CHECK(ran == 0 && greenlet_pool_free(&stacks) == 0);
    CHECK(task_is(me, &a, GREENLET_VALUE, 1) && task_is(me, &b, GREENLET_VALUE, 2));
    CHECK(task_is(me, &c, GREENLET_VALUE, 3) && ran == 6 && released == 6);
    CHECK(order[0] == 3 && order[1] == 3); /* it is ready after its yield, and its level is higher */
    CHECK(order[2] == 1 && order[3] == 2 && order[4] == 1 && order[5] == 2);
    CHECK(greenlet_pool_free(&stacks) == 3);
    CHECK(greenlet_task_spawn(&a, me, &stacks, fails, word(7), NULL) == 0 && task_is(me, &a, GREENLET_ERROR, 7));

    CHECK(greenlet_task_spawn(&a, me, &stacks, waits, &kind, NULL) == 0);
    CHECK(greenlet_task_yield(me).kind == 0 && kind == 99); /* it waits */
    CHECK(greenlet_task_kill(&a) == 0 && task_is(me, &a, GREENLET_EXIT, 0) && kind == GREENLET_EXIT);
    kind = 99;
    CHECK(greenlet_task_spawn(&a, me, &stacks, waits, &kind, NULL) == 0 && greenlet_task_kill(&a) == 0);
    CHECK(task_is(me, &a, GREENLET_EXIT, 0) && kind == 99); /* it never began */

    CHECK(greenlet_task_spawn(&a, me, &stacks, thrice, word(100), &low) == 0 && greenlet_task_detach(&a) == 0);
    CHECK(greenlet_task_spawn(NULL, me, &stacks, thrice, word(100), &low) == 0);
    CHECK(greenlet_task_sleep(me, 1).kind == 0 && greenlet_task_yield(me).kind == 0 &&
          greenlet_task_yield(me).kind == 0);
    CHECK(released == 206 && greenlet_pool_free(&stacks) == 3);
}

/* ---- Interrupts and time ---- */

static volatile unsigned interrupts;
static void on_device(void) {
    interrupts++;
    greenlet_signal_raise(&button, 1u << 31 | interrupts);
}

static greenlet_result sleeper(greenlet_task *me, void *argument) {
    (void)GREENLET_TRY(greenlet_task_sleep(me, 1000000 * (uint64_t)(uintptr_t)argument));
    order[ran++] = (unsigned)(uintptr_t)argument;
    return greenlet_ok(argument);
}
/* Where compilers are told to use no floating point, which handlers would have to save. */
#if defined(__x86_64__) && !defined(__SSE__)
typedef uint64_t real;
static const real whole = (real)1 << 40;
#else
typedef double real;
static const real whole = 1;
#endif
/* Computes, and does not wait, until an interrupt has come. */
static greenlet_result busy(greenlet_task *me, void *argument) {
    real sum = 0, term = whole;
    unsigned terms = 0;
    (void)argument;
    device_in(1000000, on_device);
    while (interrupts < 2 || terms < 64) sum += term, term /= 2, terms++;
    return sum > whole * 199 / 100 && sum < whole * 201 / 100 ? greenlet_task_yield(me) : greenlet_error(NULL);
}

static void interrupted(greenlet_task *me) {
    greenlet_task_handle a, b, c;
    uint64_t begun = ticks();
    ran = 0;
    CHECK(greenlet_task_spawn(&a, me, &stacks, sleeper, word(4), NULL) == 0);
    CHECK(greenlet_task_spawn(&b, me, &stacks, sleeper, word(2), NULL) == 0);
    CHECK(greenlet_task_spawn(&c, me, &stacks, sleeper, word(3), NULL) == 0);
    CHECK(task_is(me, &a, GREENLET_VALUE, 4) && task_is(me, &b, GREENLET_VALUE, 2) &&
          task_is(me, &c, GREENLET_VALUE, 3));
    CHECK(ran == 3 && order[0] == 2 && order[1] == 3 && order[2] == 4);
    CHECK(ticks() - begun >= board.hertz / 250);

    /* All wait, and the core sleeps until the interrupt of the device. */
    device_in(2000000, on_device);
    CHECK(is(greenlet_signal_wait(me, &button), GREENLET_VALUE, 1u << 31 | 1) && interrupts == 1);
    /* It comes while a task computes. */
    CHECK(greenlet_task_spawn(&a, me, &stacks, busy, NULL, NULL) == 0);
    CHECK(is(greenlet_signal_wait(me, &button), GREENLET_VALUE, 1u << 31 | 2) && task_is(me, &a, GREENLET_VALUE, 0));
    CHECK(greenlet_signal_raise(&button, 6) == 0 && greenlet_signal_raise(&button, 1) == 0);
    CHECK(greenlet_signal_take(&button) == 7 && greenlet_signal_take(&button) == 0);
}

/* ---- Channels ---- */

static greenlet_result producer(greenlet_task *me, void *argument) {
    static int numbers[] = { 1, 4, 9 };
    unsigned at;
    for (at = 0; at < 3; at++) (void)GREENLET_TRY(greenlet_channel_send(me, &line, &numbers[at]));
    CHECK(greenlet_channel_close(me, &line) == 0);
    return greenlet_ok(argument);
}
static void channels(greenlet_task *me) {
    greenlet_task_handle a;
    greenlet_result result;
    int sum = 0;
    static int unsent;
    CHECK(greenlet_task_spawn(&a, me, &stacks, producer, word(5), NULL) == 0);
    while ((result = greenlet_channel_receive(me, &line)).kind == GREENLET_VALUE) sum += *(int *)result.value;
    CHECK(result.kind == GREENLET_CLOSED && sum == 14 && task_is(me, &a, GREENLET_VALUE, 5));
    result = greenlet_channel_send(me, &line, &unsent);
    CHECK(result.kind == GREENLET_CLOSED && result.value == &unsent); /* nothing is lost */
}

/* ---- The least stack: enough for each wait, for the sleep of the core, and for the handler of an interrupt ---- */

static void on_least(void) { greenlet_signal_raise(&button, 4); }
static greenlet_channel numbers;
static greenlet_result modest(greenlet_task *me, void *argument) {
    (void)GREENLET_TRY(greenlet_task_sleep(me, 1000000));
    device_in(1000000, on_least);
    (void)GREENLET_TRY(greenlet_signal_wait(me, &button));
    (void)GREENLET_TRY(greenlet_channel_send(me, &numbers, argument));
    (void)GREENLET_TRY(greenlet_task_yield(me));
    return greenlet_channel_receive(me, &numbers);
}
static void least_stack(greenlet_task *me) {
    greenlet_task_handle a;
    CHECK(greenlet_task_spawn(&a, me, &least, modest, word(5), NULL) == 0);
    CHECK(is(greenlet_channel_receive(me, &numbers), GREENLET_VALUE, 5));
    CHECK(is(greenlet_channel_send(me, &numbers, word(6)), GREENLET_VALUE, 0) && task_is(me, &a, GREENLET_VALUE, 6));
    CHECK(greenlet_pool_free(&least) == 1);
}

/* ---- A generator inside of a task ---- */

static greenlet_result doubler(greenlet *me, void *argument, void *value) {
    (void)argument;
    for (;;) value = GREENLET_TRY(greenlet_up(me, word(2 * (uintptr_t)value)));
}
static greenlet_result doubles(greenlet_task *me, void *argument) {
    greenlet *g;
    greenlet_result result;
    if (greenlet_spawn(&g, NULL, &stacks, doubler, NULL, NULL)) return greenlet_error(NULL);
    result = greenlet_switch(g, argument);
    if (result.kind == 0 && greenlet_task_yield(me).kind == 0) result = greenlet_switch(g, result.value);
    greenlet_unref(g);
    return result;
}

/* ---- Misuse ---- */

static greenlet_task *main_task;
static greenlet_result of_another(greenlet_task *me, void *argument) {
    greenlet_task_handle *main_has = (greenlet_task_handle *)argument;
    CHECK(is(greenlet_task_yield(main_task), GREENLET_NOT_CURRENT, 0));
    CHECK(is(greenlet_task_sleep(main_task, 1), GREENLET_NOT_CURRENT, 0));
    CHECK(is(greenlet_signal_wait(main_task, &button), GREENLET_NOT_CURRENT, 0));
    CHECK(is(greenlet_task_join(main_task, main_has, NULL), GREENLET_NOT_CURRENT, 0));
    return greenlet_task_yield(me);
}
static greenlet_result nothing(greenlet_task *me, void *argument) {
    (void)me, (void)argument;
    return greenlet_ok(NULL);
}
static greenlet_result nothing_entered(greenlet *me, void *argument) {
    (void)me, (void)argument;
    return greenlet_ok(NULL);
}

static greenlet *handlers_target;
static volatile uint32_t handlers_kind = 99, handlers_run = 99, handlers_enter = 99;
static void switches_in_handler(void) {
    if (mask_interrupts(true)) handlers_kind = greenlet_switch(handlers_target, NULL).kind;
    else handlers_kind = GREENLET_MASKED; /* hosted: nothing tells that a handler runs */
    handlers_run = greenlet_hub_run(&tasks, &board, nothing, NULL, NULL).kind;
    handlers_enter = greenlet_enter(nothing_entered, NULL, NULL).kind;
    greenlet_signal_raise(&button, 1);
}

static void misuse(greenlet_task *me) {
    greenlet_task_handle a, b, c, none = { { 0 } };
    greenlet_task_options bad_name = { "\xff\xfe", release, 0 };
    greenlet_result ended;
    uint32_t kind = 99, waited;
    main_task = me;
    /* Null, and handles that were not made. */
    CHECK(greenlet_task_spawn(&a, NULL, &stacks, nothing, NULL, NULL) == GREENLET_NULL);
    CHECK(greenlet_task_spawn(&a, me, NULL, nothing, NULL, NULL) == GREENLET_NULL);
    CHECK(greenlet_task_spawn(&a, me, &stacks, NULL, NULL, NULL) == GREENLET_NULL);
    CHECK(is(greenlet_task_join(me, NULL, &ended), GREENLET_NULL, 0) &&
          is(greenlet_task_join(me, &none, &ended), GREENLET_NULL, 0));
    CHECK(is(greenlet_task_join(NULL, &none, &ended), GREENLET_NULL, 0));
    CHECK(greenlet_task_kill(NULL) == GREENLET_NULL && greenlet_task_kill(&none) == GREENLET_NULL);
    CHECK(greenlet_task_detach(NULL) == GREENLET_NULL && greenlet_task_detach(&none) == GREENLET_NULL);
    CHECK(is(greenlet_task_yield(NULL), GREENLET_NULL, 0) && is(greenlet_task_sleep(NULL, 1), GREENLET_NULL, 0));
    CHECK(greenlet_signal_raise(NULL, 1) == GREENLET_NULL && greenlet_signal_take(NULL) == 0);
    CHECK(is(greenlet_signal_wait(NULL, &button), GREENLET_NULL, 0) &&
          is(greenlet_signal_wait(me, NULL), GREENLET_NULL, 0));
    CHECK(is(greenlet_channel_send(NULL, &line, word(3)), GREENLET_NULL, 3));
    CHECK(is(greenlet_channel_send(me, NULL, word(3)), GREENLET_NULL, 3));
    CHECK(is(greenlet_channel_receive(NULL, &line), GREENLET_NULL, 0) &&
          is(greenlet_channel_receive(me, NULL), GREENLET_NULL, 0));
    CHECK(greenlet_channel_close(NULL, &line) == GREENLET_NULL && greenlet_channel_close(me, NULL) == GREENLET_NULL);
    /* Pools, slots, names. */
    released = 0;
    CHECK(greenlet_task_spawn(&a, me, &small, nothing, NULL, NULL) == GREENLET_BAD_POOL);
    CHECK(greenlet_task_spawn(&a, me, &stacks, nothing, word(1), &bad_name) == GREENLET_BAD_NAME && released == 0);
    CHECK(greenlet_task_spawn(&a, me, &stacks, waits, &kind, NULL) == 0);
    CHECK(greenlet_task_spawn(&b, me, &stacks, waits, &waited, NULL) == 0);
    CHECK(greenlet_task_spawn(&c, me, &stacks, of_another, &a, NULL) == 0);
    CHECK(greenlet_task_spawn(NULL, me, &stacks, nothing, NULL, NULL) == GREENLET_POOL_EMPTY);
    /* Two that wait for one signal: the second is refused. */
    CHECK(greenlet_task_yield(me).kind == 0 && kind == 99 && waited == GREENLET_SECOND_WAITER);
    CHECK(task_is(me, &b, GREENLET_SECOND_WAITER, 0) && task_is(me, &c, GREENLET_VALUE, 0));
    CHECK(greenlet_task_kill(&b) == GREENLET_NULL &&
          is(greenlet_task_join(me, &b, &ended), GREENLET_NULL, 0)); /* used up */
    /* Within the hub. */
    CHECK(greenlet_hub_run(&tasks, &board, nothing, NULL, NULL).kind == GREENLET_CORE_BUSY);
    CHECK(greenlet_enter(nothing_entered, NULL, NULL).kind == GREENLET_CORE_BUSY);
    /* In a handler, while the core sleeps. */
    CHECK(greenlet_task_kill(&a) == 0 && task_is(me, &a, GREENLET_EXIT, 0));
    CHECK(greenlet_spawn(&handlers_target, NULL, &stacks, doubler, NULL, NULL) == 0);
    device_in(100000, switches_in_handler);
    CHECK(is(greenlet_signal_wait(me, &button), GREENLET_VALUE, 1) && handlers_kind == GREENLET_MASKED);
    CHECK(handlers_run == GREENLET_CORE_BUSY && handlers_enter == GREENLET_CORE_BUSY);
    greenlet_unref(handlers_target);
    /* In a critical section. */
    CHECK(greenlet_task_spawn(&a, me, &stacks, nothing, NULL, NULL) == 0);
    kind = mask_interrupts(true) ? GREENLET_MASKED : GREENLET_VALUE;
    CHECK(is(greenlet_task_yield(me), kind, 0));
    mask_interrupts(false);
    CHECK(greenlet_task_yield(me).kind == 0 && greenlet_task_kill(&a) == GREENLET_GONE &&
          task_is(me, &a, GREENLET_VALUE, 0));
    CHECK(is(greenlet_channel_receive(me, &line), GREENLET_CLOSED, 0)); /* closed above */
}

static greenlet_channel silent;
static greenlet_result program(greenlet_task *me, void *argument) {
    greenlet_task_handle a;
    CHECK(argument == &checks);
    lives(me);
    interrupted(me);
    channels(me);
    least_stack(me);
    CHECK(greenlet_task_spawn(&a, me, &stacks, doubles, word(3), NULL) == 0 && task_is(me, &a, GREENLET_VALUE, 12));
    misuse(me);
    /* What no task can ever do. */
    CHECK(is(greenlet_channel_receive(me, &silent), GREENLET_DEADLOCK, 0));
    CHECK(is(greenlet_channel_send(me, &silent, word(4)), GREENLET_DEADLOCK, 4));
    released = 0;
    {
        static const greenlet_task_options named = { "left", release, 0 };
        CHECK(greenlet_task_spawn(NULL, me, &stacks, sleeper, word(3600000), &named) == 0 &&
              greenlet_task_yield(me).kind == 0);
    }
    return greenlet_error(word(8)); /* the task that is left is killed */
}

static greenlet_result more(greenlet_task *me, void *argument) {
    (void)argument;
    greenlet_task_handle a;
    CHECK(greenlet_task_spawn(&a, me, &stacks, nothing, NULL, NULL) == 0 && task_is(me, &a, GREENLET_VALUE, 0));
    return greenlet_ok(NULL);
}

GREENLET_TASKS(one, 1);
static greenlet_result with_one(greenlet_task *me, void *argument) {
    greenlet_task_handle a;
    (void)argument;
    CHECK(greenlet_task_spawn(&a, me, &stacks, nothing, NULL, NULL) == 0);
    CHECK(greenlet_task_spawn(NULL, me, &stacks, nothing, word(1), NULL) == GREENLET_NO_SLOT);
    CHECK(task_is(me, &a, GREENLET_VALUE, 0));
    return greenlet_ok(NULL);
}

int run(void) {
    greenlet_platform lacks = board;
    CHECK(greenlet_hub_layout() == GREENLET_HUB_LAYOUT);
    CHECK(greenlet_hub_run(NULL, &board, nothing, NULL, NULL).kind == GREENLET_NULL);
    CHECK(greenlet_hub_run(&tasks, NULL, nothing, NULL, NULL).kind == GREENLET_NULL);
    CHECK(greenlet_hub_run(&tasks, &board, NULL, NULL, NULL).kind == GREENLET_NULL);
    lacks.now = NULL;
    CHECK(greenlet_hub_run(&tasks, &lacks, nothing, NULL, NULL).kind == GREENLET_NULL);
    CHECK(greenlet_hub_run_abi_1(&tasks, &board, nothing, NULL, NULL, GREENLET_HUB_LAYOUT + 1).kind ==
          GREENLET_BAD_ABI);
    CHECK(is(greenlet_hub_run(&tasks, &board, program, &checks, NULL), GREENLET_ERROR, 8));
    CHECK(released == 3600000 && greenlet_pool_free(&stacks) == 3 && greenlet_current() == NULL);
    CHECK(greenlet_hub_run(&tasks, &board, more, NULL, NULL).kind == 0); /* again, with the same memory */
    CHECK(greenlet_hub_run(&one, &board, with_one, NULL, NULL).kind == 0);
    if (mask_interrupts(true)) {
        CHECK(greenlet_hub_run(&tasks, &board, nothing, NULL, NULL).kind == GREENLET_MASKED);
    } else {
        CHECK(greenlet_hub_run(&tasks, &board, nothing, NULL, NULL).kind == 0);
    }
    mask_interrupts(false);
    return verdict(95);
}
