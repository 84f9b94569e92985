/* Each misuse returns its named error, and leaves all as it was. */
#include "board.h"
#include "check.h"

GREENLET_POOL(stacks, 3, 8192);
GREENLET_POOL(least, 1, GREENLET_LEAST_STACK);

static greenlet_result echo(greenlet *me, void *argument, void *value) {
    (void)argument;
    for (;;) value = GREENLET_TRY(greenlet_up(me, value));
}
static greenlet_result nothing(greenlet *me, void *argument) {
    (void)me, (void)argument;
    return greenlet_ok(NULL);
}
static bool was_released;
static void release(void *argument) {
    (void)argument;
    was_released = true;
}

static void nulls(greenlet *me) {
    greenlet *g = me;
    greenlet_remote_token token = { { 0 } };
    greenlet_weak_token weak = { { 0 } };
    CHECK(is(greenlet_switch(NULL, word(1)), GREENLET_NULL, 1)); /* nothing is lost */
    CHECK(is(greenlet_up(NULL, word(2)), GREENLET_NULL, 2));
    CHECK(is(greenlet_throw(NULL, word(3)), GREENLET_NULL, 3));
    CHECK(is(greenlet_kill(NULL, word(4)), GREENLET_NULL, 4));
    CHECK(is(greenlet_cancel(NULL), GREENLET_NULL, 0));
    CHECK(greenlet_spawn(NULL, me, &stacks, echo, NULL, NULL) == GREENLET_NULL);
    CHECK(greenlet_spawn(&g, me, NULL, echo, NULL, NULL) == GREENLET_NULL && g == me);
    CHECK(greenlet_set_body(NULL, echo, NULL, release) == GREENLET_NULL && !was_released);
    CHECK(greenlet_set_body(me, NULL, NULL, NULL) == GREENLET_NULL);
    CHECK(greenlet_set_parent(NULL, me) == GREENLET_NULL && greenlet_set_parent(me, NULL) == GREENLET_NULL);
    CHECK(greenlet_remote(NULL, &token) == GREENLET_NULL && greenlet_remote(me, NULL) == GREENLET_NULL);
    CHECK(greenlet_downgrade(NULL, &weak) == GREENLET_NULL && greenlet_downgrade(me, NULL) == GREENLET_NULL);
    /* Tokens that were not made. */
    CHECK(greenlet_remote_kill(&token) == GREENLET_NULL && greenlet_remote_wake(&token) == GREENLET_NULL);
    CHECK(greenlet_remote_kill(NULL) == GREENLET_NULL && greenlet_remote_wake(NULL) == GREENLET_NULL);
    CHECK(greenlet_upgrade(&weak) == NULL && greenlet_upgrade(NULL) == NULL);
    CHECK(greenlet_ref(NULL) == NULL && greenlet_parent(NULL) == NULL && greenlet_name(NULL) == NULL);
    greenlet_unref(NULL);
    CHECK(!greenlet_is_main(NULL) && !greenlet_is_started(NULL) && !greenlet_is_active(NULL));
    CHECK(greenlet_state(NULL) == GREENLET_DEAD && greenlet_id(NULL) == UINT64_MAX && greenlet_references(NULL) == 0);
    CHECK(!greenlet_stack(NULL, NULL) && greenlet_pool_free(NULL) == 0);
    greenlet_for_each(NULL, NULL);
}

static void pools(greenlet *me) {
    greenlet *g = me;
    static greenlet_pool bad; /* a pool is a static: the library may keep its address */
    greenlet_options options = { "\xff\xfe", release };
    CHECK(greenlet_spawn(&g, me, &stacks, echo, NULL, &options) == GREENLET_BAD_NAME && g == me && !was_released);
    bad = stacks, bad.size = GREENLET_LEAST_STACK - 64; /* too small */
    CHECK(greenlet_spawn(&g, me, &bad, echo, NULL, NULL) == GREENLET_BAD_POOL);
    bad = stacks, bad.size = 8200; /* no multiple of 64 */
    CHECK(greenlet_spawn(&g, me, &bad, echo, NULL, NULL) == GREENLET_BAD_POOL);
    bad = stacks, bad.stacks += 16;
    CHECK(greenlet_spawn(&g, me, &bad, echo, NULL, NULL) == GREENLET_BAD_POOL);
    bad = stacks, bad.stacks = NULL;
    CHECK(greenlet_spawn(&g, me, &bad, echo, NULL, NULL) == GREENLET_BAD_POOL);
    bad = stacks, bad.count = SIZE_MAX / 64;
    CHECK(greenlet_spawn(&g, me, &bad, echo, NULL, NULL) == GREENLET_BAD_POOL);
    bad = stacks, bad.count = 0;
    CHECK(greenlet_spawn(&g, me, &bad, echo, NULL, NULL) == GREENLET_BAD_POOL);
    /* The least stack is enough for a body that only switches. */
    CHECK(greenlet_spawn(&g, me, &least, echo, NULL, NULL) == 0 && is(greenlet_switch(g, word(1)), GREENLET_VALUE, 1));
    CHECK(greenlet_spawn(&g, me, &least, echo, NULL, NULL) == GREENLET_POOL_EMPTY);
    greenlet_unref(g);
    CHECK(greenlet_pool_free(&least) == 1);
}

/* ---- In a critical section ---- */

static void critical(greenlet *me) {
    greenlet *g, *unstarted;
    bool refuses;
    uint32_t kind;
    CHECK(greenlet_spawn(&g, me, &stacks, echo, NULL, NULL) == 0 && is(greenlet_switch(g, word(1)), GREENLET_VALUE, 1));
    CHECK(greenlet_spawn(&unstarted, me, &stacks, echo, NULL, NULL) == 0);
    refuses = mask_interrupts(true);
    kind = refuses ? GREENLET_MASKED : GREENLET_VALUE; /* hosted, switches do not look at the mask */
    CHECK(is(greenlet_switch(g, word(2)), kind, 2) && is(greenlet_switch(unstarted, word(3)), kind, 3));
    CHECK(!refuses || is(greenlet_throw(g, word(4)), GREENLET_MASKED, 4));
    CHECK(!refuses || is(greenlet_kill(g, word(5)), GREENLET_MASKED, 5));
    CHECK(is(greenlet_cancel(unstarted), GREENLET_VALUE, 0)); /* control comes back from it: not refused */
    mask_interrupts(false);
    CHECK(is(greenlet_switch(g, word(6)), GREENLET_VALUE, 6)); /* nothing had happened */
    CHECK(greenlet_state(unstarted) == GREENLET_DEAD);
    mask_interrupts(true);
    greenlet_unref(g); /* the last reference: it is asked to exit, here too */
    mask_interrupts(false);
    greenlet_unref(unstarted);
    CHECK(greenlet_pool_free(&stacks) == 3);
}

/* A body that goes up in a critical section. */
static greenlet_result up_masked(greenlet *me, void *argument, void *value) {
    bool refuses = mask_interrupts(true);
    greenlet_result result = refuses ? greenlet_up(me, value) : greenlet_ok(value);
    (void)argument;
    mask_interrupts(false);
    return is(result, refuses ? GREENLET_MASKED : GREENLET_VALUE, (uintptr_t)value) ? greenlet_up(me, word(7)) : result;
}

/* ---- In functions that the library calls ---- */

static greenlet *fresh;
static uint32_t set_inside = 99, spawned_inside = 99, entered_inside = 99;
static greenlet_result nothing(greenlet *me, void *argument);
static void release_sets(void *argument) {
    greenlet *g = NULL;
    set_inside = greenlet_set_body(fresh, echo, NULL, NULL);
    spawned_inside = greenlet_spawn(&g, NULL, (greenlet_pool *)argument, echo, NULL, NULL);
    greenlet_unref(g);
    entered_inside = greenlet_enter(nothing, NULL, NULL).kind;
}

static greenlet_result tracer(uint32_t is_throw, greenlet *origin, greenlet *target, void *context) {
    (void)is_throw, (void)origin, (void)context;
    set_inside = greenlet_set_body(target, echo, NULL, NULL);
    entered_inside = greenlet_enter(nothing, NULL, NULL).kind;
    return greenlet_ok(NULL);
}
static void visit(greenlet *g, void *context) {
    if (!greenlet_is_main(g)) *(bool *)context = is(greenlet_up(g, word(1)), GREENLET_NOT_CURRENT, 1);
    entered_inside = greenlet_enter(nothing, NULL, NULL).kind;
}

static void contexts(greenlet *me) {
    greenlet *g;
    bool refused = false;
    /* What `release` of the old body may do while the new one is set. */
    CHECK(greenlet_spawn(&fresh, me, &stacks, NULL, NULL, NULL) == 0);
    CHECK(greenlet_set_body(fresh, echo, &stacks, release_sets) == 0 &&
          greenlet_set_body(fresh, echo, NULL, NULL) == 0);
    CHECK(set_inside == GREENLET_BUSY && spawned_inside == 0 && entered_inside == GREENLET_CORE_BUSY);
    CHECK(is(greenlet_switch(fresh, word(1)), GREENLET_VALUE, 1));
    greenlet_unref(fresh);
    /* A tracer, in the target of the transfer. */
    CHECK(greenlet_spawn(&g, me, &stacks, echo, NULL, NULL) == 0 && greenlet_set_trace(tracer, NULL) == 0);
    CHECK(is(greenlet_switch(g, word(1)), GREENLET_VALUE, 1) && set_inside == GREENLET_MAIN);
    CHECK(entered_inside == GREENLET_CORE_BUSY && greenlet_set_trace(NULL, NULL) == 0);
    entered_inside = 99;
    greenlet_for_each(visit, &refused);
    CHECK(refused && entered_inside == GREENLET_CORE_BUSY);
    greenlet_unref(g);
    CHECK(greenlet_spawn(&g, me, &stacks, up_masked, NULL, NULL) == 0);
    CHECK(is(greenlet_switch(g, word(3)), GREENLET_VALUE, 7));
    greenlet_unref(g);
    CHECK(greenlet_pool_free(&stacks) == 3);
}

static greenlet *main_greenlet, *other;
static greenlet_result inside(greenlet *me, void *argument, void *value) {
    (void)argument, (void)value;
    CHECK(is(greenlet_up(other, word(1)), GREENLET_NOT_CURRENT, 1));
    CHECK(is(greenlet_up(main_greenlet, word(1)), GREENLET_NOT_CURRENT, 1));
    CHECK(is(greenlet_cancel(me), GREENLET_CYCLE, 0));
    CHECK(is(greenlet_cancel(main_greenlet), GREENLET_MAIN, 0));
    CHECK(greenlet_enter(nothing, NULL, NULL).kind == GREENLET_CORE_BUSY);
    CHECK(greenlet_set_parent(me, me) == GREENLET_CYCLE);
    CHECK(greenlet_set_body(me, echo, NULL, release) == GREENLET_STARTED && !was_released);
    return greenlet_ok(NULL);
}

static greenlet_result program(greenlet *me, void *argument) {
    greenlet *g;
    (void)argument;
    main_greenlet = me;
    nulls(me);
    pools(me);
    critical(me);
    contexts(me);
    CHECK(is(greenlet_up(me, word(1)), GREENLET_MAIN, 1));
    CHECK(greenlet_set_parent(me, me) == GREENLET_MAIN && greenlet_set_body(me, echo, NULL, NULL) == GREENLET_MAIN);
    CHECK(greenlet_spawn(&other, me, &stacks, echo, NULL, NULL) == 0);
    CHECK(greenlet_spawn(&g, other, &stacks, inside, NULL, NULL) == 0);
    CHECK(greenlet_set_parent(other, g) == GREENLET_CYCLE);
    CHECK(greenlet_set_parent(g, me) == 0 && greenlet_switch(g, NULL).kind == 0);
    greenlet_unref(g);
    main_greenlet = greenlet_ref(me); /* kept too long */
    return greenlet_ok(NULL);
}

int run(void) {
    greenlet *g = NULL;
    greenlet_remote_token token;
    CHECK(greenlet_enter(NULL, NULL, NULL).kind == GREENLET_NULL);
    CHECK(greenlet_enter_abi_1(nothing, NULL, NULL, GREENLET_LAYOUT + 1).kind == GREENLET_BAD_ABI);
    CHECK(greenlet_enter(program, NULL, NULL).kind == 0);
    CHECK(greenlet_enter(nothing, NULL, NULL).kind == GREENLET_STILL_REFERRED);
    greenlet_unref(main_greenlet);
    CHECK(greenlet_enter(nothing, NULL, NULL).kind == 0);
    /* Outside of a tree, and with a handle of one that has ended. */
    CHECK(greenlet_spawn(&g, NULL, &stacks, echo, NULL, NULL) == GREENLET_ENDED && g == NULL);
    CHECK(greenlet_spawn(&g, other, &stacks, echo, NULL, NULL) == GREENLET_ENDED && g == NULL);
    CHECK(is(greenlet_switch(other, word(1)), GREENLET_ENDED, 1));
    CHECK(is(greenlet_throw(other, word(2)), GREENLET_ENDED, 2));
    CHECK(is(greenlet_kill(other, word(3)), GREENLET_ENDED, 3) && is(greenlet_cancel(other), GREENLET_ENDED, 0));
    CHECK(is(greenlet_up(other, word(1)), GREENLET_NOT_CURRENT, 1));
    CHECK(greenlet_set_parent(other, other) == GREENLET_ENDED);
    CHECK(greenlet_set_body(other, echo, NULL, NULL) == GREENLET_ENDED);
    CHECK(greenlet_set_trace(NULL, NULL) == GREENLET_ENDED && greenlet_trace() == NULL);
    CHECK(greenlet_remote(other, &token) == 0 && greenlet_remote_kill(&token) == GREENLET_GONE);
    CHECK(greenlet_attend() == 0 && greenlet_woken() == NULL && greenlet_parent(other) == NULL);
    greenlet_unref(other);
    return verdict(78);
}
