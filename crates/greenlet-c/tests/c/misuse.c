/* Each misuse returns its named error, and leaves all as it was. */
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
    return verdict(58);
}
