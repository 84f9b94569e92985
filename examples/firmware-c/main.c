/* Two greenlets: one sends the squares of numbers, the other one adds them up. */
#include "board.h"
#include "greenlet.h"

GREENLET_POOL(stacks, 2, 8192);

static const greenlet_options named_squares = { "squares", NULL };
static const greenlet_options named_sum = { "sum", NULL };

/* Sends the square of each number that it gets back to its parent. */
static greenlet_result squares(greenlet *me, void *argument, void *value) {
    (void)argument;
    for (;;) {
        uintptr_t n = (uintptr_t)value;
        value = GREENLET_TRY(greenlet_up(me, (void *)(n * n)));
    }
}

/* Ends with the sum of the squares of 1 to `value`. */
static greenlet_result sum(greenlet *me, void *argument, void *value) {
    greenlet *child;
    greenlet_result result = greenlet_ok(NULL);
    uintptr_t total = 0;
    uint32_t refused = greenlet_spawn(&child, me, &stacks, squares, NULL, &named_squares);
    (void)argument;
    if (refused) return greenlet_error((void *)greenlet_strerror(refused));
    for (uintptr_t n = 1; n <= (uintptr_t)value; n++) {
        result = greenlet_switch(child, (void *)n);
        if (result.kind != GREENLET_VALUE) goto out; /* something was thrown: clean up, and pass it on */
        total += (uintptr_t)result.value;
    }
    result = greenlet_ok((void *)total);
out:
    greenlet_unref(child); /* the last reference: it is asked to exit */
    return result;
}

static greenlet_result program(greenlet *me, void *argument) {
    greenlet *g;
    uint32_t refused = greenlet_spawn(&g, me, &stacks, sum, NULL, &named_sum);
    greenlet_result result;
    (void)argument;
    if (refused) return greenlet_error((void *)greenlet_strerror(refused));
    result = greenlet_switch(g, (void *)4);
    greenlet_unref(g);
    return result;
}

static void on_overflow(const greenlet_overflow *at, void *context) {
    (void)context;
    print("stack overflow: ");
    print(at->name ? at->name : "a greenlet");
    print("\n");
    /* Returns: greenlet_panic is called. */
}

void firmware(void) {
    static const greenlet_hooks hooks = { on_overflow, NULL, NULL, NULL };
    greenlet_result result = greenlet_enter(program, NULL, &hooks);
    if (result.kind == GREENLET_VALUE) {
        print("1 + 4 + 9 + 16 = ");
        print_number((uintptr_t)result.value);
        print("\n");
    } else {
        print(result.kind == GREENLET_ERROR ? (const char *)result.value : greenlet_strerror(result.kind));
        print("\n");
    }
    print("free stacks: ");
    print_number(greenlet_pool_free(&stacks));
    print("\n");
}
