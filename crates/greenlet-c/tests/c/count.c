/* Round trips with a value, as many as the first argument says. Their instructions are counted. */
#include "greenlet.h"
#include <stdlib.h>

GREENLET_POOL(stacks, 1, 16384);

static greenlet_result echo(greenlet *me, void *argument, void *value) {
    (void)argument;
    for (;;) value = GREENLET_TRY(greenlet_up(me, value));
}
static greenlet_result program(greenlet *me, void *argument) {
    unsigned long left = *(unsigned long *)argument;
    greenlet *g;
    if (greenlet_spawn(&g, me, &stacks, echo, NULL, NULL)) return greenlet_error(NULL);
    for (; left != 0; left--) (void)GREENLET_TRY(greenlet_switch(g, (void *)left));
    greenlet_unref(g);
    return greenlet_ok(NULL);
}
void greenlet_panic(const char *message, size_t length) {
    (void)message, (void)length;
    abort();
}
int main(int count, char **arguments) {
    unsigned long round_trips = count > 1 ? strtoul(arguments[1], NULL, 10) : 0;
    return (int)greenlet_enter(program, &round_trips, NULL).kind;
}
