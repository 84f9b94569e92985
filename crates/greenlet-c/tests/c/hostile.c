/* What a program does to the library that it should not, and legal uses at the edge. Each has its named error, or does
 * what the package does. */
#include "board.h"
#include "check.h"

enum { STACK = __STDC_HOSTED__ ? 64 * 1024 : 8192 };

GREENLET_POOL(stacks, 3, STACK);
GREENLET_TASKS(tasks, 1);

static greenlet_result echo(greenlet *me, void *argument, void *value) {
    (void)argument;
    for (;;) value = GREENLET_TRY(greenlet_up(me, value));
}

/* Goes on when it is asked to exit, as often as its argument says; each time it waits once more. */
static greenlet_result cleans_up(greenlet *me, void *argument, void *value) {
    greenlet_result asked = greenlet_up(me, value);
    unsigned left = *(unsigned *)argument;
    for (; left != 0 && asked.kind == GREENLET_EXIT; left--) asked = greenlet_up(me, word(50 + left));
    return asked;
}

static void kills(greenlet *me) {
    greenlet *g;
    static unsigned twice = 2;
    CHECK(greenlet_spawn(&g, me, &stacks, cleans_up, &twice, NULL) == 0);
    CHECK(is(greenlet_switch(g, word(1)), GREENLET_VALUE, 1));
    CHECK(is(greenlet_kill(g, word(2)), GREENLET_VALUE, 52)); /* it cleans up, and waits meanwhile */
    CHECK(is(greenlet_kill(g, word(3)), GREENLET_VALUE, 51) && greenlet_state(g) == GREENLET_SUSPENDED);
    CHECK(is(greenlet_kill(g, word(4)), GREENLET_VALUE, 4) && greenlet_state(g) == GREENLET_DEAD);
    CHECK(is(greenlet_kill(g, word(5)), GREENLET_VALUE, 5)); /* dead: its parent gets it, which is the caller */
    greenlet_unref(g);
}

static void odd_targets(greenlet *me) {
    greenlet *g;
    CHECK(is(greenlet_switch(me, word(1)), GREENLET_VALUE, 1));   /* itself */
    CHECK(is(greenlet_throw(me, NULL), GREENLET_ERROR, 0));       /* an error that is null is one */
    CHECK(is(greenlet_kill(me, word(2)), GREENLET_EXIT, 2));
    CHECK(greenlet_spawn(&g, me, &stacks, echo, NULL, NULL) == 0);
    CHECK(is(greenlet_throw(g, NULL), GREENLET_ERROR, 0));        /* unstarted: dead at once */
    CHECK(greenlet_state(g) == GREENLET_DEAD && is(greenlet_switch(g, word(3)), GREENLET_VALUE, 3));
    CHECK(is(greenlet_up(g, word(4)), GREENLET_NOT_CURRENT, 4));
    CHECK(is(greenlet_cancel(g), GREENLET_VALUE, 0));
    greenlet_unref(g);
    CHECK(greenlet_spawn(&g, me, &stacks, NULL, NULL, NULL) == 0); /* no body */
    CHECK(greenlet_switch(g, word(5)).kind == GREENLET_NO_RUN);
    greenlet_unref(g);
}

/* ---- A destructor that switches ---- */

static greenlet *partner;
static uint32_t in_destructor;
static void destroy(void **value) {
    greenlet_result result = greenlet_switch(partner, *value);
    in_destructor = result.kind == GREENLET_VALUE ? (uint32_t)(uintptr_t)result.value : 99;
}
/* Without a parent that runs: `partner` switches back to this one. */
static greenlet_result guarded(greenlet *me, void *argument, void *value) {
#if defined(__cplusplus)
    struct guard {
        void *value;
        ~guard() { destroy(&value); }
    } held = { word(40) };
#else
    void *held __attribute__((cleanup(destroy))) = word(40);
    (void)held; /* to Clang it is unused */
#endif
    (void)argument;
    return greenlet_up(me, value);
}
static greenlet_result adds(greenlet *me, void *argument, void *value) {
    for (;;) {
        greenlet *back = *(greenlet **)argument;
        (void)me;
        value = GREENLET_TRY(greenlet_switch(back, word((uintptr_t)value + 2)));
    }
}
static void destructors(greenlet *me) {
    static greenlet *g;
    CHECK(greenlet_spawn(&g, me, &stacks, guarded, NULL, NULL) == 0);
    CHECK(greenlet_spawn(&partner, me, &stacks, adds, &g, NULL) == 0);
    CHECK(is(greenlet_switch(g, word(1)), GREENLET_VALUE, 1));
    CHECK(is(greenlet_kill(g, word(6)), GREENLET_VALUE, 6)); /* `partner` ran meanwhile */
    CHECK(in_destructor == 42 && greenlet_state(g) == GREENLET_DEAD);
    greenlet_unref(g);
    greenlet_unref(partner);
    CHECK(greenlet_pool_free(&stacks) == 3);
}

/* ---- Registers ---- */

/* Where the compiler has no registers of floating point, as in a kernel for x86_64, it has more of the others. */
#if defined(__x86_64__) && !defined(__SSE__)
typedef long Real;
#else
typedef double Real;
#endif

/* Changes as many registers as the compiler has, between transfers. */
static greenlet_result scribbles(greenlet *me, void *argument, void *value) {
    volatile uintptr_t from = 77;
    volatile Real real = 1;
    (void)argument;
    for (;;) {
        uintptr_t a = from, b = a * 3, c = b ^ a, d = c + 5, e = d * a, f = e - b, h = f ^ d, i = h + c;
        Real p = real, q = p * 3, r = q + p, s = r * q;
        value = GREENLET_TRY(greenlet_up(me, word((uintptr_t)value + (i != 0 && s > 0))));
        from = a + b + c + d + e + f + h + i;
        real = p + q + r + s;
        if (real > 1000000) real = 1;
    }
}
static void registers(greenlet *me) {
    volatile uintptr_t from = 3;
    volatile Real real = 2;
    uintptr_t a = from, b = a + 1, c = a + 2, d = a + 3, e = a + 4, f = a + 5, h = a + 6, i = a + 7, at;
    Real p = real, q = p + 1, r = p + 2, s = p + 3;
    bool same = true;
    greenlet *g;
    CHECK(greenlet_spawn(&g, me, &stacks, scribbles, NULL, NULL) == 0);
    for (at = 0; at < 8; at++) {
        same = same && is(greenlet_switch(g, word(at)), GREENLET_VALUE, at + 1);
        same = same && a == at + 3 && b == at + 4 && c == at + 5 && d == at + 6 && e == at + 7 && f == at + 8;
        same = same && h == at + 9 && i == at + 10;
        a++, b++, c++, d++, e++, f++, h++, i++;
        p *= 2, q *= 2, r *= 2, s *= 2;
    }
    CHECK(same);
    CHECK(p > 511 && p < 513 && q > 767 && q < 769 && r > 1023 && r < 1025 && s > 1279 && s < 1281);
    greenlet_unref(g);
}

/* ---- A parent that is replaced ---- */

static greenlet_result switches(greenlet *me, void *argument, void *value) {
    (void)me;
    return greenlet_switch((greenlet *)argument, value);
}
/* A pending greenlet_up keeps the greenlet that it went to, a pending greenlet_switch does not. */
static void parents(greenlet *me) {
    greenlet *parent, *up, *switched;
    CHECK(greenlet_spawn(&parent, me, &stacks, echo, NULL, NULL) == 0);
    CHECK(greenlet_spawn(&up, parent, &stacks, echo, NULL, NULL) == 0);
    CHECK(is(greenlet_switch(up, word(1)), GREENLET_VALUE, 1) && greenlet_references(parent) == 2);
    CHECK(greenlet_set_parent(up, me) == 0 && greenlet_references(parent) == 2);
    greenlet_unref(up);
    CHECK(greenlet_references(parent) == 1);
    CHECK(greenlet_spawn(&switched, parent, &stacks, switches, parent, NULL) == 0);
    CHECK(is(greenlet_switch(switched, word(2)), GREENLET_VALUE, 2) && greenlet_references(parent) == 2);
    CHECK(greenlet_set_parent(switched, me) == 0 && greenlet_references(parent) == 1);
    greenlet_unref(switched);
    greenlet_unref(parent);
    CHECK(greenlet_pool_free(&stacks) == 3);
}

/* ---- In an interrupt handler ---- */

static greenlet *waiting;
static greenlet_signal bell;
static bool refuses;
static volatile uint32_t switched = 99, upped = 99, entered = 99;
static greenlet_result nothing(greenlet *me, void *argument) {
    (void)me, (void)argument;
    return greenlet_ok(NULL);
}
static void interrupt(void) {
    if (refuses) {
        switched = greenlet_switch(waiting, word(1)).kind;
        upped = greenlet_up(NULL, NULL).kind;
    }
    entered = greenlet_enter(nothing, NULL, NULL).kind;
    greenlet_signal_raise(&bell, 1);
}
static greenlet_result handled(greenlet_task *me, void *argument) {
    (void)argument;
    CHECK(greenlet_spawn(&waiting, NULL, &stacks, echo, NULL, NULL) == 0);
    refuses = mask_interrupts(true);
    mask_interrupts(false);
    device_in(1000000, interrupt);
    CHECK(is(greenlet_signal_wait(me, &bell), GREENLET_VALUE, 1));
    CHECK(!refuses || (switched == GREENLET_MASKED && upped == GREENLET_NULL)); /* hosted, nothing tells a handler */
    CHECK(entered == GREENLET_CORE_BUSY && greenlet_state(waiting) == GREENLET_UNSTARTED);
    greenlet_unref(waiting);
    return greenlet_ok(NULL);
}

static greenlet_result program(greenlet *me, void *argument) {
    (void)argument;
    kills(me);
    odd_targets(me);
    destructors(me);
    registers(me);
    parents(me);
    return greenlet_ok(NULL);
}

int run(void) {
    CHECK(greenlet_enter(program, NULL, NULL).kind == 0);
    CHECK(greenlet_hub_run(&tasks, &board, handled, NULL, NULL).kind == 0);
    return verdict(40);
}
