/* A stack overflow is reported by the hook, which names the greenlet. */
#include "check.h"

GREENLET_POOL(stacks, 2, 8192);

static greenlet *victim;
/* By a pointer that the compiler cannot follow, so that it makes no loop of this. */
static greenlet_result too_deep(greenlet *me, unsigned frames);
static greenlet_result (*volatile deeper)(greenlet *me, unsigned frames) = too_deep;
static greenlet_result too_deep(greenlet *me, unsigned frames) {
    volatile char room[256];
    room[frames % sizeof room] = (char)frames;
    if (frames == 0) return greenlet_up(me, NULL);
    greenlet_result result = deeper(me, frames - 1);
    result.kind += (uint32_t)room[frames % sizeof room] - (uint32_t)(char)frames;
    return result;
}
static greenlet_result body(greenlet *me, void *argument, void *value) {
    (void)argument, (void)value;
    return too_deep(me, 32);
}
static void on_overflow(const greenlet_overflow *at, void *context) {
    CHECK(context == &stacks && at->name[0] == 'd' && at->id == greenlet_id(victim));
    CHECK(at->base - at->limit == 8192 && at->sp < at->base);
    CHECK(is(greenlet_switch(victim, word(1)), GREENLET_OVERFLOW, 1)); /* no greenlet runs any more */
    leave(verdict(5));
}
static greenlet_result program(greenlet *me, void *argument) {
    static const greenlet_options options = { "diver", NULL };
    greenlet *other;
    (void)argument;
    CHECK(greenlet_spawn(&other, me, &stacks, body, NULL, NULL) == 0); /* its stack is below */
    CHECK(greenlet_spawn(&victim, me, &stacks, body, NULL, &options) == 0);
    return greenlet_switch(victim, NULL);
}
int run(void) {
    static const greenlet_hooks hooks = { on_overflow, NULL, NULL, &stacks };
    greenlet_result result = greenlet_enter(program, NULL, &hooks);
    put("the overflow was not noticed\n");
    return result.kind == 0 ? 1 : 2;
}
