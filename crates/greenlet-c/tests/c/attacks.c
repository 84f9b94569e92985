/* Attacks that only a whole system has, each of which ends the program with a message. ATTACK says which. */
#define _XOPEN_SOURCE 700
#include "check.h"
#include <pthread.h>
#include <setjmp.h>

GREENLET_POOL(stacks, 2, 65536);

enum { JUMP_SWITCH, JUMP_UP, JUMP_RETURN, THREAD, THROW, ZEROS, ODD, UNREF_ZEROS };

static greenlet *other, *child;
static jmp_buf out;

static greenlet_result echo(greenlet *me, void *argument, void *value) {
    (void)argument;
    for (;;) value = GREENLET_TRY(greenlet_up(me, value));
}
static void *thread(void *value) {
    greenlet_result result = greenlet_switch(other, value);
    return result.value;
}
static greenlet_result body(greenlet *me, void *argument, void *value) {
    pthread_t of;
    (void)me, (void)argument;
    if (ATTACK == THREAD) pthread_create(&of, NULL, thread, value), pthread_join(of, NULL);
#if defined(__cplusplus)
    if (ATTACK == THROW) throw 7;
#endif
    longjmp(out, 1);
    return greenlet_ok(value);
}
static greenlet_result program(greenlet *me, void *argument) {
    static uint64_t zeros[64];
    greenlet *foreign = (greenlet *)(void *)zeros;
    CHECK(greenlet_spawn(&other, me, &stacks, echo, NULL, NULL) == 0);
    CHECK(greenlet_spawn(&child, me, &stacks, body, argument, NULL) == 0);
    if (ATTACK == ZEROS) return greenlet_kill(foreign, NULL);
    if (ATTACK == ODD) return greenlet_throw((greenlet *)(void *)((char *)me + 4), NULL);
    if (ATTACK == UNREF_ZEROS) greenlet_unref(foreign);
    if (setjmp(out) == 0) return greenlet_switch(child, NULL);
    if (ATTACK == JUMP_SWITCH) return greenlet_switch(other, NULL);
    if (ATTACK == JUMP_UP) return greenlet_up(me, NULL);
    return greenlet_ok(NULL);
}
int run(void) {
    greenlet_result result = greenlet_enter(program, NULL, NULL);
    put(result.kind == 0 ? "nothing has noticed\n" : "refused\n");
    return 0;
}
