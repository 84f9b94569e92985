/* What counts or releases a reference notices that the greenlet was freed. The suite compiles this with other uses, too. */
#include "check.h"

#ifndef USE
#define USE(g, me) greenlet_ref(g) != NULL
#endif

GREENLET_POOL(stacks, 2, 8192);

static greenlet_result echo(greenlet *me, void *argument, void *value) {
    (void)argument;
    return greenlet_up(me, value);
}
static greenlet_result program(greenlet *me, void *argument) {
    greenlet *g, *other;
    (void)argument;
    CHECK(greenlet_spawn(&g, me, &stacks, echo, NULL, NULL) == 0 && is(greenlet_switch(g, word(1)), GREENLET_VALUE, 1));
    CHECK(greenlet_spawn(&other, me, &stacks, echo, NULL, NULL) == 0);
    greenlet_unref(g); /* it exits, and its stack is free */
    put((USE(g, other)) ? "nothing has noticed\n" : "refused\n");
    return greenlet_ok(NULL);
}
int run(void) { return (int)greenlet_enter(program, NULL, NULL).kind; }
