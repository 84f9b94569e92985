/* A bug of the program reaches its own greenlet_panic, with a message. */
#include "check.h"

GREENLET_POOL(stacks, 1, 8192);

static greenlet_result echo(greenlet *me, void *argument, void *value) {
    (void)argument;
    return greenlet_up(me, value);
}
static greenlet_result program(greenlet *me, void *argument) {
    greenlet *g;
    (void)argument;
    CHECK(greenlet_spawn(&g, me, &stacks, echo, NULL, NULL) == 0);
    greenlet_unref(g);
    greenlet_unref(g);
    put("nothing has noticed\n");
    return greenlet_ok(NULL);
}
int run(void) { return (int)greenlet_enter(program, NULL, NULL).kind; }
