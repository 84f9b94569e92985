/* The functions of greenlet.h, as programs use them. Compiled as C and as C++. */
#include "check.h"

GREENLET_POOL(stacks, 4, 8192);

/* ---- Values, errors, exits ---- */

static greenlet_result doubler(greenlet *me, void *argument, void *value) {
    (void)argument;
    for (;;) value = GREENLET_TRY(greenlet_up(me, word(2 * (uintptr_t)value)));
}

/* Cleans up by hand, and by an attribute. */
static unsigned cleaned, handled;
static void clean(unsigned *by) { cleaned += *by; }
static greenlet_result careful(greenlet *me, void *argument, void *value) {
    unsigned one __attribute__((cleanup(clean), unused)) = 1;
    greenlet_result result = greenlet_up(me, value);
    if (result.kind == GREENLET_ERROR) {
        handled++;
        return greenlet_ok(word((uintptr_t)result.value + 100));
    }
    if (result.kind != GREENLET_VALUE) goto out;
    result = greenlet_up(me, word((uintptr_t)result.value + 1));
out:
    *(unsigned *)argument += 1;
    return result;
}

/* An exit goes through frames with locals. */
static greenlet_result deep(greenlet *me, unsigned frames, void *value) {
    unsigned ten __attribute__((cleanup(clean), unused)) = 10;
    if (frames) return greenlet_ok(word(1 + (uintptr_t)GREENLET_TRY(deep(me, frames - 1, value))));
    return greenlet_up(me, value);
}
static greenlet_result diver(greenlet *me, void *argument, void *value) {
    return deep(me, *(unsigned *)argument, value);
}

static void transfers(greenlet *me) {
    greenlet *g;
    unsigned out = 0, five = 5;
    CHECK(greenlet_spawn(&g, me, &stacks, doubler, NULL, NULL) == 0);
    CHECK(is(greenlet_switch(g, word(21)), GREENLET_VALUE, 42));
    CHECK(is(greenlet_switch(g, word(4)), GREENLET_VALUE, 8));
    CHECK(is(greenlet_throw(g, word(7)), GREENLET_ERROR, 7)); /* it does not handle that: its parent gets it */
    CHECK(greenlet_state(g) == GREENLET_DEAD);
    CHECK(is(greenlet_switch(g, word(9)), GREENLET_VALUE, 9)); /* dead: the parent gets it, which is the caller */
    greenlet_unref(g);

    CHECK(greenlet_spawn(&g, me, &stacks, careful, &out, NULL) == 0);
    CHECK(is(greenlet_switch(g, word(1)), GREENLET_VALUE, 1));
    CHECK(is(greenlet_throw(g, word(7)), GREENLET_VALUE, 107) && handled == 1 && out == 0 && cleaned == 1);
    greenlet_unref(g);

    CHECK(greenlet_spawn(&g, me, &stacks, careful, &out, NULL) == 0);
    CHECK(is(greenlet_switch(g, word(1)), GREENLET_VALUE, 1));
    CHECK(is(greenlet_kill(g, word(3)), GREENLET_VALUE, 3)); /* an exit arrives as a value */
    CHECK(greenlet_state(g) == GREENLET_DEAD && out == 1 && cleaned == 2);
    greenlet_unref(g);

    CHECK(greenlet_spawn(&g, me, &stacks, careful, &out, NULL) == 0);
    CHECK(is(greenlet_switch(g, word(1)), GREENLET_VALUE, 1));
    CHECK(is(greenlet_cancel(g), GREENLET_VALUE, 0) && out == 2);
    greenlet_unref(g);

    cleaned = 0;
    CHECK(greenlet_spawn(&g, me, &stacks, diver, &five, NULL) == 0);
    CHECK(is(greenlet_switch(g, word(1)), GREENLET_VALUE, 1));
    CHECK(is(greenlet_switch(g, word(1)), GREENLET_VALUE, 6) && cleaned == 60);
    greenlet_unref(g);
    CHECK(greenlet_spawn(&g, me, &stacks, diver, &five, NULL) == 0);
    CHECK(is(greenlet_switch(g, word(1)), GREENLET_VALUE, 1));
    greenlet_unref(g); /* the last reference: an exit */
    CHECK(cleaned == 120 && greenlet_pool_free(&stacks) == 4);
}

/* Two that switch to each other, and not by way of a parent. */
static greenlet *ping, *pong;
static greenlet_result player(greenlet *me, void *argument, void *value) {
    uintptr_t ball = (uintptr_t)value;
    (void)me;
    while (ball < 1000) ball = (uintptr_t)GREENLET_TRY(greenlet_switch(*(greenlet **)argument, word(ball + 1)));
    return greenlet_ok(word(ball));
}

static void symmetric(greenlet *me) {
    CHECK(greenlet_spawn(&ping, me, &stacks, player, &pong, NULL) == 0);
    CHECK(greenlet_spawn(&pong, me, &stacks, player, &ping, NULL) == 0);
    CHECK(is(greenlet_switch(ping, word(0)), GREENLET_VALUE, 1000));
    CHECK(greenlet_state(ping) == GREENLET_DEAD && greenlet_state(pong) == GREENLET_SUSPENDED);
    greenlet_unref(ping);
    greenlet_unref(pong);
    CHECK(greenlet_pool_free(&stacks) == 4);
}

/* A body may return whatever it got, and it arrives as it is. */
static greenlet_result passes(greenlet *me, void *argument, void *value) {
    greenlet_result result;
    (void)me, (void)value;
    result.value = word(5);
    result.kind = (uint32_t)(uintptr_t)argument;
    return result;
}

static void kinds(greenlet *me) {
    uint32_t kind;
    for (kind = 0; kind <= GREENLET_NO_SLOT; kind++) {
        greenlet *g;
        CHECK(greenlet_spawn(&g, me, &stacks, passes, word(kind), NULL) == 0);
        CHECK(is(greenlet_switch(g, NULL), kind == GREENLET_EXIT ? (uint32_t)GREENLET_VALUE : kind, 5));
        greenlet_unref(g);
        CHECK(greenlet_strerror(kind)[0] != 0 && greenlet_strerror(kind) != greenlet_strerror(99));
    }
}

/* ---- Arguments, names, questions ---- */

static uintptr_t released;
static void release(void *argument) { released += (uintptr_t)argument; }

static void arguments(greenlet *me) {
    static const greenlet_options named = { "parser", release };
    greenlet *g, *all[5];
    unsigned made = 0;
    uint32_t status;
    greenlet_extent extent;
    CHECK(greenlet_spawn(&g, me, &stacks, doubler, word(100), &named) == 0);
    CHECK(greenlet_name(g)[0] == 'p' && greenlet_name(g)[6] == 0 && greenlet_name(me) == NULL);
    CHECK(greenlet_state(g) == GREENLET_UNSTARTED && !greenlet_is_started(g) && !greenlet_is_active(g));
    CHECK(greenlet_references(g) == 1 && greenlet_id(g) != greenlet_id(me));
    greenlet_unref(g);
    CHECK(released == 100); /* it never started */
    CHECK(greenlet_spawn(&g, me, &stacks, doubler, word(10), &named) == 0);
    CHECK(is(greenlet_switch(g, word(1)), GREENLET_VALUE, 2) && released == 100);
    CHECK(greenlet_is_started(g) && greenlet_is_active(g) && !greenlet_is_main(g));
    CHECK(greenlet_stack(g, &extent) && extent.base - extent.limit == 8192);
    CHECK(extent.limit < extent.sp && extent.sp < extent.base);
    CHECK(!greenlet_stack(me, &extent) && greenlet_stack(g, NULL));
    greenlet_unref(g);
    CHECK(released == 110); /* its body is over */

    while ((status = greenlet_spawn(&all[made], me, &stacks, doubler, word(1), &named)) == 0) made++;
    CHECK(made == 4 && status == GREENLET_POOL_EMPTY && released == 110); /* the argument stays the caller's */
    while (made) greenlet_unref(all[--made]);
    CHECK(released == 114);

    CHECK(greenlet_spawn(&g, me, &stacks, NULL, NULL, NULL) == 0); /* without a body */
    CHECK(is(greenlet_switch(g, word(1)), GREENLET_NO_RUN, 0));
    CHECK(greenlet_set_body(g, doubler, word(1000), release) == 0);
    CHECK(greenlet_set_body(g, doubler, word(2000), release) == 0 && released == 1114); /* the first one is dropped */
    CHECK(is(greenlet_switch(g, word(3)), GREENLET_VALUE, 6));
    CHECK(greenlet_set_body(g, doubler, word(5000), release) == GREENLET_STARTED && released == 1114);
    greenlet_unref(g);
    CHECK(released == 3114);
}

static void count(greenlet *g, void *context) {
    unsigned *counted = (unsigned *)context;
    if (*counted == 0 && !greenlet_is_main(g)) *counted = 100; /* main is the first */
    *counted += 1;
}

static greenlet_result asks(greenlet *me, void *argument, void *value) {
    greenlet *child, *parent = greenlet_parent(me);
    CHECK(greenlet_current() == me && greenlet_state(me) == GREENLET_RUNNING);
    CHECK(parent == (greenlet *)argument);
    CHECK(greenlet_spawn(&child, NULL, &stacks, doubler, NULL, NULL) == 0); /* the parent is the current one */
    greenlet_unref(parent);
    parent = greenlet_parent(child);
    CHECK(parent == me);
    greenlet_unref(parent);
    greenlet_unref(child);
    return greenlet_ok(value);
}

static void family(greenlet *me) {
    greenlet *g, *h, *parent;
    unsigned counted = 0;
    CHECK(greenlet_is_main(me) && greenlet_current() == me && greenlet_parent(me) == NULL);
    CHECK(greenlet_spawn(&g, me, &stacks, asks, me, NULL) == 0);
    CHECK(is(greenlet_switch(g, word(1)), GREENLET_VALUE, 1));
    greenlet_unref(g);
    CHECK(greenlet_spawn(&g, me, &stacks, doubler, NULL, NULL) == 0);
    CHECK(greenlet_spawn(&h, g, &stacks, doubler, NULL, NULL) == 0);
    greenlet_for_each(count, &counted);
    CHECK(counted == 3);
    CHECK(is(greenlet_switch(h, word(1)), GREENLET_VALUE, 4)); /* h sends 2 up to g, which starts and sends 4 */
    CHECK(greenlet_set_parent(h, me) == 0);
    parent = greenlet_parent(h);
    CHECK(parent == me);
    greenlet_unref(parent);
    CHECK(is(greenlet_switch(h, word(1)), GREENLET_VALUE, 2));
    CHECK(greenlet_ref(g) == g && greenlet_references(g) == 2);
    greenlet_unref(g);
    CHECK(greenlet_state(g) == GREENLET_SUSPENDED);
    greenlet_unref(g);
    greenlet_unref(h);
}

/* ---- Tokens, tracing ---- */

static void tokens(greenlet *me) {
    greenlet *g, *found;
    greenlet_remote_token remote, copy;
    greenlet_weak_token weak;
    CHECK(greenlet_spawn(&g, me, &stacks, doubler, NULL, NULL) == 0);
    CHECK(greenlet_remote(g, &remote) == 0 && greenlet_downgrade(g, &weak) == 0);
    copy = remote;
    CHECK(greenlet_references(g) == 1 && greenlet_woken() == NULL && greenlet_attend() == 0);
    CHECK(greenlet_remote_wake(&copy) == 0);
    found = greenlet_woken();
    CHECK(found == g && greenlet_woken() == NULL);
    greenlet_unref(found);
    found = greenlet_upgrade(&weak);
    CHECK(found == g);
    greenlet_unref(found);
    CHECK(is(greenlet_switch(g, word(1)), GREENLET_VALUE, 2));
    CHECK(greenlet_remote_kill(&remote) == 0 && greenlet_attend() == 1 && greenlet_state(g) == GREENLET_DEAD);
    greenlet_unref(g);
    CHECK(greenlet_remote_kill(&remote) == GREENLET_GONE && greenlet_remote_wake(&remote) == GREENLET_GONE);
    CHECK(greenlet_upgrade(&weak) == NULL);
}

static unsigned switches, throws;
static greenlet_result count_event(uint32_t is_throw, greenlet *origin, greenlet *target, void *context) {
    (void)origin;
    if (is_throw) throws++;
    else switches++;
    CHECK(greenlet_current() == target);
    return context != NULL && is_throw ? greenlet_error(word(77)) : greenlet_ok(NULL);
}

static void tracing(greenlet *me) {
    greenlet *g;
    CHECK(greenlet_trace() == NULL && greenlet_set_trace(count_event, NULL) == 0 && greenlet_trace() == count_event);
    CHECK(greenlet_spawn(&g, me, &stacks, doubler, NULL, NULL) == 0);
    CHECK(is(greenlet_switch(g, word(1)), GREENLET_VALUE, 2) && switches == 2 && throws == 0);
    CHECK(greenlet_set_trace(count_event, me) == 0);
    CHECK(is(greenlet_throw(g, word(1)), GREENLET_ERROR, 77) && throws == 1); /* its failure takes the error's place */
    CHECK(greenlet_trace() == NULL && greenlet_set_trace(NULL, NULL) == 0);
    greenlet_unref(g);
}

/* ---- Hooks, and the end of the tree ---- */

static unsigned unraised, leaked;
static void on_unraisable(greenlet *victim, greenlet_result error, void *context) {
    CHECK(greenlet_is_started(victim) && error.kind == GREENLET_ERROR && context == &leaked);
    unraised++;
}
static void on_leak(greenlet *victim, void *context) {
    CHECK(greenlet_is_active(victim) && context == &leaked);
    leaked++;
}
static const greenlet_hooks hooks = { NULL, on_unraisable, on_leak, &leaked };

static greenlet_result sore(greenlet *me, void *argument, void *value) {
    (void)argument;
    greenlet_result result = greenlet_up(me, value);
    return result.kind == GREENLET_EXIT ? greenlet_error(NULL) : result;
}
static bool stubborn_may_go;
static greenlet_result stubborn(greenlet *me, void *argument, void *value) {
    (void)argument;
    while (!stubborn_may_go) {
        greenlet_result refused = greenlet_up(me, value);
        (void)refused;
    }
    return greenlet_ok(NULL);
}

/* It gives up the only reference to itself while the caller of greenlet_cancel waits for its end. */
static greenlet *itself;
static greenlet_result forgets(greenlet *me, void *argument, void *value) {
    greenlet_result result = greenlet_up(me, value);
    (void)argument;
    greenlet_unref(itself);
    return result;
}

/* A tracer that goes up itself, when the greenlet arrives from its second greenlet_up. */
static unsigned arrived;
static greenlet_result climbs(uint32_t is_throw, greenlet *origin, greenlet *target, void *context) {
    (void)is_throw, (void)origin;
    if (target == context && ++arrived == 2) CHECK(is(greenlet_up(target, word(7)), GREENLET_VALUE, 5));
    return greenlet_ok(NULL);
}

static void inner(greenlet *me) {
    greenlet *g;
    CHECK(greenlet_spawn(&itself, me, &stacks, forgets, NULL, NULL) == 0);
    CHECK(is(greenlet_switch(itself, word(1)), GREENLET_VALUE, 1));
    CHECK(is(greenlet_cancel(itself), GREENLET_VALUE, 0));
    CHECK(greenlet_spawn(&g, me, &stacks, doubler, NULL, NULL) == 0);
    CHECK(is(greenlet_switch(g, word(1)), GREENLET_VALUE, 2));
    CHECK(greenlet_set_trace(climbs, g) == 0);
    CHECK(is(greenlet_switch(g, word(2)), GREENLET_VALUE, 4));
    CHECK(is(greenlet_switch(g, word(3)), GREENLET_VALUE, 7));
    CHECK(is(greenlet_switch(g, word(5)), GREENLET_VALUE, 6));
    CHECK(greenlet_set_trace(NULL, NULL) == 0);
    greenlet_unref(g);
    CHECK(greenlet_pool_free(&stacks) == 4);
}

static greenlet *kept;
static greenlet_result program(greenlet *me, void *argument) {
    greenlet *g;
    CHECK(argument == &checks);
    transfers(me);
    symmetric(me);
    kinds(me);
    arguments(me);
    family(me);
    tokens(me);
    tracing(me);
    inner(me); /* a reference that is lost here is one to main, which the second run refuses */
    CHECK(greenlet_spawn(&g, me, &stacks, sore, NULL, NULL) == 0);
    CHECK(is(greenlet_switch(g, word(1)), GREENLET_VALUE, 1));
    greenlet_unref(g);
    CHECK(unraised == 1);
    CHECK(greenlet_spawn(&g, me, &stacks, stubborn, NULL, NULL) == 0);
    CHECK(is(greenlet_switch(g, word(1)), GREENLET_VALUE, 1));
    greenlet_unref(g);
    CHECK(leaked == 1 && greenlet_pool_free(&stacks) == 3);
    stubborn_may_go = true; /* the end of the tree asks it again */
    CHECK(greenlet_spawn(&kept, me, &stacks, doubler, word(1), NULL) == 0);
    CHECK(is(greenlet_switch(kept, word(1)), GREENLET_VALUE, 2));
    return greenlet_error(word(8));
}

#ifdef __cplusplus
/* The destructors of a body that is asked to exit run. */
struct Guard {
    unsigned *count;
    ~Guard() { *count += 1; }
};
static greenlet_result guarded(greenlet *me, void *argument, void *value) {
    Guard guard = { (unsigned *)argument };
    value = GREENLET_TRY(greenlet_up(me, value));
    return greenlet_ok(value);
}
static greenlet_result destructors(greenlet *me, void *argument) {
    unsigned count = 0;
    greenlet *g;
    (void)argument;
    CHECK(greenlet_spawn(&g, me, &stacks, guarded, &count, NULL) == 0);
    CHECK(is(greenlet_switch(g, word(1)), GREENLET_VALUE, 1));
    greenlet_unref(g);
    CHECK(count == 1);
    return greenlet_ok(NULL);
}
#else
static greenlet_result destructors(greenlet *me, void *argument) {
    CHECK(greenlet_is_main(me));
    CHECK(argument == NULL);
    CHECK(greenlet_current() == me);
    return greenlet_ok(NULL);
}
#endif

int run(void) {
    CHECK(greenlet_abi() == GREENLET_ABI && greenlet_layout() == GREENLET_LAYOUT);
    CHECK(greenlet_current() == NULL);
    CHECK(is(greenlet_enter(program, &checks, &hooks), GREENLET_ERROR, 8)); /* what the main function returns */
    CHECK(greenlet_current() == NULL && leaked == 1);
    CHECK(greenlet_state(kept) == GREENLET_DEAD && is(greenlet_switch(kept, word(4)), GREENLET_ENDED, 4));
    greenlet_unref(kept);
    CHECK(greenlet_pool_free(&stacks) == 4);
    CHECK(greenlet_enter(destructors, NULL, NULL).kind == 0); /* a second run, with the same pool */
    return verdict(197);
}
