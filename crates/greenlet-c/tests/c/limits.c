/* The functions of greenlet_hub.h with a limit of time, and those that do not wait; throw and shield; and each misuse of
 * them with its named error. Compiled as C and as C++. */
#include "board.h"
#include "check.h"

enum { STACK = __STDC_HOSTED__ ? 64 * 1024 : 8192 }; /* hosted, the handler of a signal runs on it */

GREENLET_POOL(stacks, 3, STACK);
GREENLET_POOL(least, 1, __STDC_HOSTED__ ? STACK : GREENLET_LEAST_TASK_STACK);
GREENLET_TASKS(tasks, 3);

static bool task_is(greenlet_task *me, greenlet_task_handle *task, uint32_t kind, uintptr_t value) {
    greenlet_result ended = greenlet_ok(word(99));
    return is(greenlet_task_join(me, task, &ended), GREENLET_VALUE, 0) && is(ended, kind, value);
}

enum { SHORT = 2000000 };                        /* nanoseconds */
static const uint64_t LONG = 3600000000000u;     /* an hour */
static greenlet_signal bell, never;
static greenlet_channel line, silent;
static unsigned cleaned;

static greenlet_result receives(greenlet_task *me, void *argument) {
    (void)argument;
    return greenlet_channel_receive(me, &line);
}
static greenlet_result sends(greenlet_task *me, void *argument) { return greenlet_channel_send(me, &line, argument); }
/* Three waits that end with a timeout at once, after the first one. */
static greenlet_result waits_in_vain(greenlet_task *me, void *argument) {
    unsigned *timeouts = (unsigned *)argument;
    *timeouts += greenlet_signal_wait(me, &never).kind == GREENLET_TIMEOUT;
    *timeouts += greenlet_task_sleep(me, LONG).kind == GREENLET_TIMEOUT;
    *timeouts += greenlet_signal_wait_for(me, &never, LONG).kind == GREENLET_TIMEOUT;
    return greenlet_task_yield(me);
}
static greenlet_result quick(greenlet_task *me, void *argument) {
    greenlet_result result = greenlet_task_yield(me);
    return result.kind ? result : greenlet_ok(argument);
}
/* One within the other, as deep as the number says. */
static greenlet_result nested(greenlet_task *me, void *argument) {
    uintptr_t more = (uintptr_t)argument;
    return more ? greenlet_task_within(me, LONG, nested, word(more - 1)) : greenlet_task_yield(me);
}
static greenlet_result cleans(greenlet_task *me, void *argument) {
    (void)argument;
    if (greenlet_task_sleep(me, 1000).kind) return greenlet_error(NULL);
    if (!is(greenlet_signal_wait_for(me, &never, 1000), GREENLET_TIMEOUT, 0)) return greenlet_error(NULL);
    cleaned++;
    return greenlet_ok(word(5));
}
/* Returns what was thrown, and then, when it is killed, what its shielded clean-up returned. */
static greenlet_result held(greenlet_task *me, void *argument) {
    greenlet_result result = greenlet_signal_wait(me, &never);
    *(greenlet_result *)argument = result;
    if (result.kind != GREENLET_ERROR) return result;
    result = greenlet_signal_wait(me, &never); /* once */
    if (result.kind != GREENLET_EXIT || greenlet_task_yield(me).kind != GREENLET_EXIT) return greenlet_error(NULL);
    result = greenlet_task_shield(me, cleans, NULL);
    return greenlet_task_yield(me).kind == GREENLET_EXIT ? result : greenlet_error(NULL);
}
/* Joins with a limit, on behalf of another task, which uses the handle meanwhile. */
static greenlet_result joins(greenlet_task *me, void *argument) {
    greenlet_result ended = greenlet_ok(NULL), result;
    result = greenlet_task_join_for(me, (greenlet_task_handle *)argument, &ended, LONG);
    return result.kind ? result : ended;
}

static void limits(greenlet_task *me) {
    greenlet_task_handle a, b;
    greenlet_result got = greenlet_ok(NULL), ended = greenlet_ok(word(99));
    unsigned timeouts = 0;
    uint64_t begun = ticks();
    /* Nothing comes: each ends when its time is over, not before, and what was to be sent comes back. */
    CHECK(is(greenlet_signal_wait_for(me, &bell, SHORT), GREENLET_TIMEOUT, 0));
    CHECK(is(greenlet_channel_receive_for(me, &line, SHORT), GREENLET_TIMEOUT, 0));
    CHECK(is(greenlet_channel_send_for(me, &line, word(7), SHORT), GREENLET_TIMEOUT, 7));
    CHECK(ticks() - begun >= board.hertz / 1000 * 6);
    /* Something comes. */
    CHECK(greenlet_signal_raise(&bell, 6) == 0 && is(greenlet_signal_wait_for(me, &bell, LONG), GREENLET_VALUE, 6));
    CHECK(greenlet_task_spawn(&a, me, &stacks, receives, NULL, NULL) == 0);
    CHECK(is(greenlet_channel_send_for(me, &line, word(8), LONG), GREENLET_VALUE, 0) &&
          task_is(me, &a, GREENLET_VALUE, 8));
    CHECK(greenlet_task_spawn(&a, me, &stacks, sends, word(9), NULL) == 0);
    CHECK(is(greenlet_channel_receive_for(me, &line, LONG), GREENLET_VALUE, 9) && task_is(me, &a, GREENLET_VALUE, 0));
    /* What does not wait. */
    CHECK(is(greenlet_channel_try_send(me, &line, word(3)), GREENLET_WOULD_WAIT, 3));
    CHECK(is(greenlet_channel_try_receive(me, &line), GREENLET_WOULD_WAIT, 0));
    CHECK(greenlet_task_spawn(&a, me, &stacks, receives, NULL, NULL) == 0 && greenlet_task_yield(me).kind == 0);
    CHECK(is(greenlet_channel_try_send(me, &line, word(3)), GREENLET_VALUE, 0) && task_is(me, &a, GREENLET_VALUE, 3));
    CHECK(greenlet_task_spawn(&a, me, &stacks, sends, word(4), NULL) == 0 && greenlet_task_yield(me).kind == 0);
    CHECK(is(greenlet_channel_try_receive(me, &line), GREENLET_VALUE, 4) && task_is(me, &a, GREENLET_VALUE, 0));
    /* A function with a limit, in which a timeout holds. */
    CHECK(is(greenlet_task_within(me, SHORT, waits_in_vain, &timeouts), GREENLET_TIMEOUT, 0) && timeouts == 3);
    CHECK(is(greenlet_task_within(me, LONG, quick, word(2)), GREENLET_VALUE, 2) && greenlet_task_yield(me).kind == 0);
    CHECK(is(nested(me, word(16)), GREENLET_VALUE, 0) && is(nested(me, word(17)), GREENLET_TOO_DEEP, 0));
    /* A join with a limit: the handle can be used again, unless the task has ended. */
    CHECK(greenlet_task_spawn(&a, me, &stacks, held, &got, NULL) == 0);
    CHECK(is(greenlet_task_join_for(me, &a, &ended, SHORT), GREENLET_TIMEOUT, 0) && is(ended, GREENLET_VALUE, 99));
    CHECK(greenlet_task_throw(&a, word(11)) == 0 && greenlet_task_throw(&a, word(12)) == 0);
    CHECK(is(greenlet_task_join_for(me, &a, &ended, SHORT), GREENLET_TIMEOUT, 0) && is(got, GREENLET_ERROR, 12));
    /* Another task waits with it meanwhile. */
    CHECK(greenlet_task_spawn(&b, me, &stacks, joins, &a, NULL) == 0 && greenlet_task_yield(me).kind == 0);
    CHECK(is(greenlet_task_join(me, &a, &ended), GREENLET_NULL, 0) && greenlet_task_detach(&a) == GREENLET_NULL);
    CHECK(is(greenlet_task_join_for(me, &a, &ended, LONG), GREENLET_NULL, 0) && cleaned == 0);
    CHECK(greenlet_task_kill(&a) == 0 && task_is(me, &b, GREENLET_VALUE, 5) && cleaned == 1);
    CHECK(greenlet_task_kill(&a) == GREENLET_NULL); /* used up */
    CHECK(greenlet_task_spawn(&a, me, &stacks, quick, word(6), NULL) == 0);
    CHECK(is(greenlet_task_join_for(me, &a, &ended, LONG), GREENLET_VALUE, 0) && is(ended, GREENLET_VALUE, 6));
    /* One whose waiting task is killed: the handle is the same as before. */
    CHECK(greenlet_task_spawn(&a, me, &stacks, held, &got, NULL) == 0);
    CHECK(greenlet_task_spawn(&b, me, &stacks, joins, &a, NULL) == 0 && greenlet_task_yield(me).kind == 0);
    CHECK(greenlet_task_kill(&b) == 0 && task_is(me, &b, GREENLET_EXIT, 0));
    CHECK(greenlet_task_kill(&a) == 0 && task_is(me, &a, GREENLET_EXIT, 0) && is(got, GREENLET_EXIT, 0));
    /* Without an end. */
    CHECK(greenlet_task_spawn(&a, me, &stacks, quick, NULL, NULL) == 0 && greenlet_task_yield(me).kind == 0);
    CHECK(greenlet_task_yield(me).kind == 0 && greenlet_task_throw(&a, word(1)) == GREENLET_GONE);
    CHECK(task_is(me, &a, GREENLET_VALUE, 0));
    CHECK(greenlet_channel_close(me, &line) == 0);
    CHECK(is(greenlet_channel_try_send(me, &line, word(3)), GREENLET_CLOSED, 3));
    CHECK(is(greenlet_channel_try_receive(me, &line), GREENLET_CLOSED, 0));
    CHECK(is(greenlet_channel_send_for(me, &line, word(3), LONG), GREENLET_CLOSED, 3));
    CHECK(is(greenlet_channel_receive_for(me, &line, LONG), GREENLET_CLOSED, 0));
}

/* Each on the least stack. */
static greenlet_result receives_silence(greenlet_task *me, void *argument) {
    (void)argument;
    return greenlet_channel_receive(me, &silent);
}
static greenlet_result modest(greenlet_task *me, void *argument) {
    greenlet_task_handle child;
    unsigned timeouts = 0;
    if (!is(greenlet_signal_wait_for(me, &never, 1000), GREENLET_TIMEOUT, 0) ||
        !is(greenlet_channel_receive_for(me, &silent, 1000), GREENLET_TIMEOUT, 0) ||
        !is(greenlet_channel_send_for(me, &silent, argument, 1000), GREENLET_TIMEOUT, (uintptr_t)argument) ||
        greenlet_task_spawn(&child, me, &stacks, receives_silence, NULL, NULL) ||
        !is(greenlet_task_join_for(me, &child, NULL, 1000), GREENLET_TIMEOUT, 0) || greenlet_task_kill(&child) ||
        greenlet_task_join(me, &child, NULL).kind ||
        greenlet_task_within(me, 1000, waits_in_vain, &timeouts).kind != GREENLET_TIMEOUT || timeouts != 3)
        return greenlet_error(NULL);
    return greenlet_ok(argument);
}

/* ---- Misuse ---- */

static greenlet_task *main_task;
static greenlet_result of_another(greenlet_task *me, void *argument) {
    greenlet_task_handle *main_has = (greenlet_task_handle *)argument;
    CHECK(is(greenlet_task_join_for(main_task, main_has, NULL, 1), GREENLET_NOT_CURRENT, 0));
    CHECK(is(greenlet_signal_wait_for(main_task, &bell, 1), GREENLET_NOT_CURRENT, 0));
    CHECK(is(greenlet_channel_send_for(main_task, &silent, word(3), 1), GREENLET_NOT_CURRENT, 3));
    CHECK(is(greenlet_channel_receive_for(main_task, &silent, 1), GREENLET_NOT_CURRENT, 0));
    CHECK(is(greenlet_channel_try_send(main_task, &silent, word(3)), GREENLET_NOT_CURRENT, 3));
    CHECK(is(greenlet_channel_try_receive(main_task, &silent), GREENLET_NOT_CURRENT, 0));
    CHECK(is(greenlet_task_within(main_task, 1, quick, NULL), GREENLET_NOT_CURRENT, 0));
    CHECK(is(greenlet_task_shield(main_task, quick, NULL), GREENLET_NOT_CURRENT, 0));
    return greenlet_task_yield(me);
}
static void misuse(greenlet_task *me) {
    greenlet_task_handle a, b, none = { { 0 } };
    greenlet_result ended;
    main_task = me;
    CHECK(greenlet_task_spawn(&a, me, &stacks, receives_silence, NULL, NULL) == 0);
    CHECK(greenlet_task_spawn(&b, me, &stacks, of_another, &a, NULL) == 0 && task_is(me, &b, GREENLET_VALUE, 0));
    CHECK(greenlet_task_kill(&a) == 0 && task_is(me, &a, GREENLET_EXIT, 0));
    CHECK(greenlet_task_throw(NULL, word(3)) == GREENLET_NULL && greenlet_task_throw(&none, word(3)) == GREENLET_NULL);
    CHECK(is(greenlet_task_join_for(me, NULL, &ended, 1), GREENLET_NULL, 0) &&
          is(greenlet_task_join_for(me, &none, &ended, 1), GREENLET_NULL, 0));
    CHECK(is(greenlet_task_join_for(NULL, &none, &ended, 1), GREENLET_NULL, 0));
    CHECK(is(greenlet_signal_wait_for(NULL, &bell, 1), GREENLET_NULL, 0) &&
          is(greenlet_signal_wait_for(me, NULL, 1), GREENLET_NULL, 0));
    CHECK(is(greenlet_channel_send_for(NULL, &line, word(3), 1), GREENLET_NULL, 3) &&
          is(greenlet_channel_send_for(me, NULL, word(3), 1), GREENLET_NULL, 3));
    CHECK(is(greenlet_channel_receive_for(NULL, &line, 1), GREENLET_NULL, 0) &&
          is(greenlet_channel_receive_for(me, NULL, 1), GREENLET_NULL, 0));
    CHECK(is(greenlet_channel_try_send(NULL, &line, word(3)), GREENLET_NULL, 3) &&
          is(greenlet_channel_try_send(me, NULL, word(3)), GREENLET_NULL, 3));
    CHECK(is(greenlet_channel_try_receive(NULL, &line), GREENLET_NULL, 0) &&
          is(greenlet_channel_try_receive(me, NULL), GREENLET_NULL, 0));
    CHECK(is(greenlet_task_within(NULL, 1, quick, NULL), GREENLET_NULL, 0) &&
          is(greenlet_task_within(me, 1, NULL, NULL), GREENLET_NULL, 0));
    CHECK(is(greenlet_task_shield(NULL, quick, NULL), GREENLET_NULL, 0) &&
          is(greenlet_task_shield(me, NULL, NULL), GREENLET_NULL, 0));
}

static greenlet_result program(greenlet_task *me, void *argument) {
    greenlet_task_handle a;
    limits(me);
    misuse(me);
    CHECK(greenlet_task_spawn(&a, me, &least, modest, word(5), NULL) == 0 && task_is(me, &a, GREENLET_VALUE, 5));
    CHECK(greenlet_pool_free(&stacks) == 3 && greenlet_pool_free(&least) == 1);
    return greenlet_ok(argument);
}

int run(void) {
    CHECK(is(greenlet_hub_run(&tasks, &board, program, NULL, NULL), GREENLET_VALUE, 0));
    return verdict(65);
}
