/* greenlet.h: coroutines for C firmware. Stacks in statics, no heap, no scheduler, no dependency.
 *
 *     #include "greenlet.h"
 *
 *     GREENLET_POOL(stacks, 1, 8192);                       // one stack of 8 KiB, in .bss
 *
 *     static greenlet_result squares(greenlet *me, void *argument, void *value) {
 *         (void)argument;
 *         for (uintptr_t n = (uintptr_t)value;; n++) {
 *             greenlet_result r = greenlet_up(me, (void *)(n * n));   // gives n * n to the parent, and waits
 *             if (r.kind != GREENLET_VALUE) return r;                 // thrown into this greenlet: it ends
 *         }
 *     }
 *
 *     static greenlet_result program(greenlet *me, void *argument) {
 *         (void)argument;
 *         greenlet *g;
 *         if (greenlet_spawn(&g, me, &stacks, squares, NULL, NULL)) return greenlet_error(NULL);
 *         greenlet_result one = greenlet_switch(g, (void *)1);        // 1
 *         greenlet_result four = greenlet_switch(g, NULL);            // 4
 *         greenlet_unref(g);                                          // the last reference: g is asked to exit
 *         return four.kind ? four : one;
 *     }
 *
 *     void greenlet_panic(const char *message, size_t length) {       // a bug: the program says what happens
 *         (void)message, (void)length;
 *         for (;;) {}
 *     }
 *     int main(void) { return (int)greenlet_enter(program, NULL, NULL).kind; }
 *
 * A greenlet is a function with a stack of its own. It runs when something switches to it, until it switches to another
 * one. All greenlets form a tree: what a body ends with goes to its parent. The semantics are those of Python's package
 * `greenlet`.
 *
 * RULES FOR ALL FUNCTIONS
 *
 * - A `greenlet *` is counted. Who got one from greenlet_spawn, greenlet_ref, greenlet_parent, greenlet_woken or
 *   greenlet_upgrade calls greenlet_unref once. `me`, and what greenlet_current returns, is borrowed.
 * - Functions are called on the thread or core that is inside greenlet_enter, and not in interrupt handlers. The
 *   exceptions are greenlet_remote_kill and greenlet_remote_wake. After greenlet_enter the same thread may still give
 *   references up, ask questions, and call greenlet_strerror.
 * - No longjmp and no C++ exception crosses a call of this library. None is needed: see greenlet_kind. In C++, no
 *   transfer inside of a `catch`: the list of caught exceptions is one for all greenlets.
 * - A null pointer where none is allowed is refused, with GREENLET_NULL, false or 0.
 * - SIZE of a pool is all that a greenlet has: its control block, its frames, and what interrupt handlers push if they
 *   run on its stack. GREENLET_LEAST_STACK is enough for a body that only switches.
 */
#ifndef GREENLET_H
#define GREENLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The number of this interface. A program does not link with an archive of another one. */
#define GREENLET_ABI 1

/* A result that is not looked at is a bug: a greenlet that is asked to exit would go on. */
#if defined(__GNUC__)
#define GREENLET_CHECKED __attribute__((warn_unused_result))
#define GREENLET_ALIGNED __attribute__((aligned(64)))
#elif defined(__cplusplus)
#define GREENLET_CHECKED
#define GREENLET_ALIGNED alignas(64)
#else
#define GREENLET_CHECKED
#define GREENLET_ALIGNED _Alignas(64)
#endif

/* ---- Results ---- */

/* What a call ends with. Of the first three a transfer delivers any; the others say why nothing happened. */
typedef enum greenlet_kind {
    GREENLET_VALUE = 0,          /* sent by a switch; also: done */
    GREENLET_EXIT = 1,           /* the greenlet is asked to exit: clean up, and return the result as it is */
    GREENLET_ERROR = 2,          /* an error was thrown: handle it, or return the result as it is */
    GREENLET_NO_RUN = 3,         /* the transfer ended at a greenlet without a body; what was sent is lost */
    GREENLET_NULL = 4,           /* a pointer is null that must not be */
    GREENLET_ENDED = 5,          /* the greenlet's tree has ended, or no tree is entered */
    GREENLET_NOT_CURRENT = 6,    /* greenlet_up for a greenlet that does not run */
    GREENLET_MAIN = 7,           /* not with the main greenlet */
    GREENLET_CYCLE = 8,          /* a greenlet would be its own ancestor */
    GREENLET_MASKED = 9,         /* interrupts are masked that were not at greenlet_enter: bare metal only */
    GREENLET_OVERFLOW = 10,      /* a stack overflow is being reported: no greenlet runs any more */
    GREENLET_EXITING = 11,       /* the process exits: with the crate's feature `std` only */
    GREENLET_GONE = 12,          /* the greenlet of a token was freed, or its tree has ended */
    GREENLET_STARTED = 13,       /* the greenlet has started: its body cannot be changed */
    GREENLET_BUSY = 14,          /* its body is being changed */
    GREENLET_POOL_EMPTY = 15,    /* all stacks of the pool are in use */
    GREENLET_BAD_POOL = 16,      /* its stacks are too small or not aligned */
    GREENLET_OTHER_CORE = 17,    /* another core uses the pool or the tree: with the feature `std` only */
    GREENLET_BAD_NAME = 18,      /* the name is not UTF-8 */
    GREENLET_CORE_BUSY = 19,     /* greenlet_enter inside of greenlet_enter */
    GREENLET_STILL_REFERRED = 20,/* references to the main greenlet of the last greenlet_enter exist */
    GREENLET_IN_HANDLER = 21,    /* no core to enter on; never in the archive, which takes it that there is one */
    GREENLET_BAD_ABI = 22,       /* header and archive are of different versions */
    GREENLET_CLOSED = 23,        /* these seven: see greenlet_hub.h. The channel is closed */
    GREENLET_DEADLOCK = 24,      /* no task can ever run again */
    GREENLET_SECOND_WAITER = 25, /* another task waits for the signal */
    GREENLET_NO_SLOT = 26,       /* the hub has as many tasks as it can have */
    GREENLET_TIMEOUT = 27,       /* the time of the wait, or of an enclosing greenlet_task_within, is over */
    GREENLET_WOULD_WAIT = 28,    /* no task waits at the other end of the channel */
    GREENLET_TOO_DEEP = 29       /* more than 16 limits of time in one another */
} greenlet_kind;

/* What a transfer returns, and what a body returns. When a call is refused, `value` is what was sent: nothing is lost.
 * A body may return any result that it got: it goes to the parent, an exit as GREENLET_VALUE, else as it is. */
typedef struct greenlet_result {
    void *value;
    uint32_t kind; /* greenlet_kind */
} greenlet_result;

static inline greenlet_result greenlet_ok(void *value) {
    greenlet_result result;
    result.value = value;
    result.kind = GREENLET_VALUE;
    return result;
}

static inline greenlet_result greenlet_error(void *error) {
    greenlet_result result;
    result.value = error;
    result.kind = GREENLET_ERROR;
    return result;
}

/* The value of a result; or else the function returns the result. For functions that have nothing to release, or
 * release it by __attribute__((cleanup)) or a C++ destructor. GCC and Clang.
 *
 *     void *reply = GREENLET_TRY(greenlet_up(me, request));
 */
#if defined(__GNUC__)
#define GREENLET_TRY(RESULT)                                                                                           \
    __extension__({                                                                                                    \
        greenlet_result greenlet_try_ = (RESULT);                                                                      \
        if (greenlet_try_.kind != GREENLET_VALUE) return greenlet_try_;                                                \
        greenlet_try_.value;                                                                                           \
    })
#endif

/* A sentence for a kind, with the remedy. Never null. */
const char *greenlet_strerror(uint32_t kind);

/* ---- Stacks ---- */

/* A pool of stacks. Made by GREENLET_POOL; its memory belongs to the library for ever. */
typedef struct greenlet_pool {
    void *private_[4];
    uint32_t private32_[6];
    unsigned char *stacks;
    size_t count, size;
} greenlet_pool;

/* The least SIZE of a pool, in bytes. A body that calls printf needs a multiple of it. */
#define GREENLET_LEAST_STACK 2048

/* A spare stack below the lowest one, where memory that is never touched takes no RAM: an overflow of the lowest
 * stack is then reported before it meets other variables. */
#if !defined(GREENLET_SPARE)
#if __STDC_HOSTED__ && (defined(__linux__) || defined(__APPLE__))
#define GREENLET_SPARE 1
#else
#define GREENLET_SPARE 0 /* also by a compiler for Linux with -ffreestanding */
#endif
#endif

#if defined(__cplusplus)
#define GREENLET_ASSERT(NAME, CONDITION) static_assert(CONDITION, #NAME)
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define GREENLET_ASSERT(NAME, CONDITION) _Static_assert(CONDITION, #NAME)
#else
#define GREENLET_ASSERT(NAME, CONDITION) typedef char NAME[(CONDITION) ? 1 : -1]
#endif

/* Defines the pool NAME of COUNT stacks of SIZE bytes each, in .bss, local to the file. SIZE is a multiple of 64, and
 * at least GREENLET_LEAST_STACK. Outside of functions. */
#define GREENLET_POOL(NAME, COUNT, SIZE)                                                                               \
    GREENLET_ASSERT(NAME##_SIZE_of_a_greenlet_pool_is_a_multiple_of_64_and_not_too_small,                              \
                    (SIZE) % 64 == 0 && (SIZE) >= GREENLET_LEAST_STACK);                                               \
    GREENLET_ALIGNED static unsigned char NAME##_stacks[(COUNT) + GREENLET_SPARE][SIZE];                               \
    static greenlet_pool NAME = { { NULL }, { 0 }, NAME##_stacks[GREENLET_SPARE], (COUNT), (SIZE) }

/* How many stacks of the pool are free. Constant time. */
size_t greenlet_pool_free(const greenlet_pool *pool);

/* ---- The tree ---- */

typedef struct greenlet greenlet;

/* The main function: what greenlet_enter calls. Its result is that of greenlet_enter. */
typedef greenlet_result (*greenlet_main)(greenlet *main_greenlet, void *argument);

/* The body of a greenlet. `value` is what the first switch to it sent. */
typedef greenlet_result (*greenlet_body)(greenlet *me, void *argument, void *value);

/* A greenlet that has overflowed its stack: addresses, and its number and name. */
typedef struct greenlet_overflow {
    uint64_t id;
    const char *name; /* or null */
    uintptr_t base, limit, sp;
} greenlet_overflow;

/* Functions that the library calls; each may be null. The struct exists until greenlet_enter returns. */
typedef struct greenlet_hooks {
    /* A greenlet left its stack; memory below it may be overwritten. Reports it, and does not return: resets the chip.
     * Runs on main's stack. Every transfer is refused here. If it is null, or returns, greenlet_panic is called. */
    void (*overflow)(const greenlet_overflow *at, void *context);
    /* A greenlet that was killed, because its last reference went, by a token or at the end of the tree, ended with an
     * error. */
    void (*unraisable)(greenlet *victim, greenlet_result error, void *context);
    /* A greenlet that was asked to exit did not: it keeps its stack, unless it exits when it is asked again. */
    void (*leak)(greenlet *victim, void *context);
    void *context;
} greenlet_hooks;

/* What the library was compiled to think of the structs above; see GREENLET_BAD_ABI. */
#define GREENLET_LAYOUT                                                                                                \
    ((uint64_t)(sizeof(greenlet_pool) / sizeof(void *)) | (uint64_t)(sizeof(greenlet_result) / sizeof(void *)) << 8 |  \
     (uint64_t)(sizeof(greenlet_hooks) / sizeof(void *)) << 16 |                                                       \
     (uint64_t)(sizeof(greenlet_overflow) / sizeof(void *)) << 24 |                                                    \
     (uint64_t)(sizeof(greenlet_options) / sizeof(void *)) << 32 |                                                     \
     (uint64_t)(sizeof(greenlet_extent) / sizeof(void *)) << 40 |                                                      \
     (uint64_t)(sizeof(greenlet_remote_token) / sizeof(void *)) << 48 |                                                \
     (uint64_t)(sizeof(greenlet_weak_token) / sizeof(void *)) << 56)

uint32_t greenlet_abi(void);    /* GREENLET_ABI of the archive */
uint64_t greenlet_layout(void); /* GREENLET_LAYOUT of the archive */

/* The current greenlet, borrowed: it exists as long as it runs. Null outside of greenlet_enter. */
greenlet *greenlet_current(void);

/* ---- Creating greenlets ---- */

typedef struct greenlet_options {
    const char *name; /* UTF-8, lives for ever; for reports. Null for none */
    /* Called once with the body's argument: when the body is over, or when it can no longer start. */
    void (*release)(void *argument);
} greenlet_options;

/* Creates a greenlet on a stack of `pool`, and stores a reference to it in `*made`. It starts with the first switch.
 *
 * `parent` null: the current greenlet. `body` null: none yet, see greenlet_set_body; `argument` and `release` are then
 * not used. `options` may be null.
 * Returns 0, or GREENLET_NULL, _POOL_EMPTY, _BAD_POOL, _BAD_NAME, _ENDED, _OTHER_CORE. If it is refused, `*made` is
 * unchanged, and `argument` stays the caller's: `release` is not called. */
uint32_t greenlet_spawn(greenlet **made, greenlet *parent, greenlet_pool *pool, greenlet_body body, void *argument,
                        const greenlet_options *options) GREENLET_CHECKED;

/* Gives a greenlet that has not started a body, instead of the one that it has. `release` may be null.
 * Returns 0, or GREENLET_NULL, _MAIN, _STARTED, _BUSY, _ENDED, _BAD_POOL (the stack is too small). */
uint32_t greenlet_set_body(greenlet *g, greenlet_body body, void *argument, void (*release)(void *argument))
    GREENLET_CHECKED;

/* ---- Transfers ----
 *
 * Each suspends the caller, and returns when something transfers back to it. What it returns need not come from the
 * greenlet that was named. Refused, with nothing done: GREENLET_NULL, _ENDED, _MASKED, _OVERFLOW, _EXITING.
 * A transfer to a dead greenlet goes to its nearest ancestor that lives. */

/* What the next two call: the arguments are where the switch takes them, and nothing is moved. */
greenlet_result greenlet_switch_abi_1(void *value, greenlet *to);
greenlet_result greenlet_up_abi_1(void *value, greenlet *me);

/* For Linux on x86_64 they are assembly in the function that uses them, which keeps only the registers that it needs:
 * a round trip is a quarter shorter. -DGREENLET_CALLS=1 makes them calls. */
#if !defined(GREENLET_CALLS)
#if defined(__GNUC__) && defined(__x86_64__) && defined(__LP64__) && defined(__linux__) && __STDC_HOSTED__
#define GREENLET_CALLS 0
#else
#define GREENLET_CALLS 1
#endif
#endif

#if !GREENLET_CALLS
greenlet_result greenlet_landed_abi_1(void *value, void *what);

/* The registers that another greenlet has changed: all but rbx, rbp and rsp. */
#if defined(__SSE2__)
#define GREENLET_CHANGES_SSE                                                                                           \
    , "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",      \
        "xmm13", "xmm14", "xmm15", "mm0", "mm1", "mm2", "mm3", "mm4", "mm5", "mm6", "mm7", "st", "st(1)", "st(2)",     \
        "st(3)", "st(4)", "st(5)", "st(6)", "st(7)"
#else
#define GREENLET_CHANGES_SSE
#endif
#if defined(__AVX512F__)
#define GREENLET_CHANGES_AVX512                                                                                        \
    , "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27",     \
        "xmm28", "xmm29", "xmm30", "xmm31", "k1", "k2", "k3", "k4", "k5", "k6", "k7"
#else
#define GREENLET_CHANGES_AVX512
#endif
#define GREENLET_CHANGES                                                                                               \
    "rax", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "cc", "memory" GREENLET_CHANGES_SSE                   \
        GREENLET_CHANGES_AVX512
#endif

/* Resumes or starts a greenlet, and sends it `value`. */
GREENLET_CHECKED static inline greenlet_result greenlet_switch(greenlet *to, void *value) {
#if GREENLET_CALLS
    return greenlet_switch_abi_1(value, to);
#else
    void *what; /* if `to` is null afterwards */
    /* The byte before the label says which of the two it is. It does not run. */
    __asm__ volatile("leaq 1f(%%rip), %%rax\n\tjmp greenlet_switch_in_place_abi_1\n\tnop\n1:"
                     : "+D"(value), "+d"(to), "=c"(what)
                     :
                     : "rsi", GREENLET_CHANGES);
    return to ? greenlet_ok(value) : greenlet_landed_abi_1(value, what);
#endif
}

/* Switches to the parent; how a generator yields. `me` is the current greenlet: else GREENLET_NOT_CURRENT; and for
 * main, which has no parent, GREENLET_MAIN. */
GREENLET_CHECKED static inline greenlet_result greenlet_up(greenlet *me, void *value) {
#if GREENLET_CALLS
    return greenlet_up_abi_1(value, me);
#else
    greenlet *landed;
    void *what;
    __asm__ volatile("leaq 1f(%%rip), %%rax\n\tjmp greenlet_up_in_place_abi_1\n\tint3\n1:"
                     : "+D"(value), "+S"(me), "=d"(landed), "=c"(what)
                     :
                     : GREENLET_CHANGES);
    return landed ? greenlet_ok(value) : greenlet_landed_abi_1(value, what);
#endif
}

/* Throws `error`: the call that suspended the greenlet returns it as GREENLET_ERROR. An unstarted one is dead at once,
 * and the error goes to its parent. */
greenlet_result greenlet_throw(greenlet *to, void *error) GREENLET_CHECKED;

/* Asks a greenlet to exit: the call that suspended it returns GREENLET_EXIT. When its body returns that, the *parent*
 * gets `value`. */
greenlet_result greenlet_kill(greenlet *to, void *value) GREENLET_CHECKED;

/* The same, with the caller as the parent in the meantime: so the call returns when the greenlet has ended. Also
 * refused: GREENLET_MAIN; GREENLET_CYCLE for the current greenlet and its ancestors. Not refused: GREENLET_MASKED. */
greenlet_result greenlet_cancel(greenlet *to) GREENLET_CHECKED;

/* ---- References ---- */

greenlet *greenlet_ref(greenlet *g); /* one more reference; returns `g` */

/* Gives a reference up. The last one to a suspended greenlet asks it to exit, in this call: its body cleans up and
 * returns. A reference that is given up twice is a bug, and so is a greenlet that is used afterwards. greenlet_panic is
 * called if no other reference is left, of a handle, a child or a pending call, and the stack has no new greenlet; else it
 * is not noticed. greenlet_switch does not look, and goes on to an ancestor. */
void greenlet_unref(greenlet *g);

/* Refers to a greenlet without being counted. For this core only. */
typedef struct greenlet_weak_token {
    uint64_t private_[3];
} greenlet_weak_token;

uint32_t greenlet_downgrade(greenlet *g, greenlet_weak_token *made) GREENLET_CHECKED; /* 0, or GREENLET_NULL */
greenlet *greenlet_upgrade(const greenlet_weak_token *token); /* a reference, or null if the greenlet was freed */

/* ---- The family ---- */

greenlet *greenlet_parent(greenlet *g); /* a reference; null for main, and when the tree has ended */

/* Makes `parent` the parent of `g`. Returns 0, or GREENLET_NULL, _MAIN, _CYCLE, _ENDED. */
uint32_t greenlet_set_parent(greenlet *g, greenlet *parent) GREENLET_CHECKED;

/* Calls `visit` with each greenlet of the tree, borrowed, in the order of creation; main is the first. */
void greenlet_for_each(void (*visit)(greenlet *g, void *context), void *context);

/* ---- Questions ---- Constant time; in a tree that has ended every greenlet is dead. */

enum { GREENLET_UNSTARTED = 0, GREENLET_RUNNING = 1, GREENLET_SUSPENDED = 2, GREENLET_DEAD = 3 };

uint32_t greenlet_state(greenlet *g);
bool greenlet_is_main(greenlet *g);
bool greenlet_is_started(greenlet *g);
bool greenlet_is_active(greenlet *g);    /* started, and not dead */
uint64_t greenlet_id(greenlet *g);       /* never given twice; UINT64_MAX for null */
const char *greenlet_name(greenlet *g);  /* or null */
uint32_t greenlet_references(greenlet *g);

/* The addresses of a stack: it grows from base to limit. */
typedef struct greenlet_extent {
    uintptr_t base, limit, sp;
} greenlet_extent;

bool greenlet_stack(greenlet *g, greenlet_extent *found); /* false for main, and dead ones */

/* ---- Tracing ---- */

/* Called in the target of each transfer, before anything else happens there. To let it happen, returns greenlet_ok. Any
 * other result takes the place of what was sent, and removes the tracer. */
typedef greenlet_result (*greenlet_tracer)(uint32_t is_throw, greenlet *origin, greenlet *target, void *context);

uint32_t greenlet_set_trace(greenlet_tracer tracer, void *context); /* null removes it. 0, or GREENLET_ENDED */
greenlet_tracer greenlet_trace(void);                               /* or null */

/* ---- From interrupt handlers and other cores ---- */

/* Refers to a greenlet without being counted. May be copied, and used anywhere, for ever. */
typedef struct greenlet_remote_token {
    uint64_t private_[4];
} greenlet_remote_token;

uint32_t greenlet_remote(greenlet *g, greenlet_remote_token *made) GREENLET_CHECKED; /* 0, or GREENLET_NULL */

/* Leaves a request, and returns at once: 0, or GREENLET_GONE, _NULL. These two are for handlers. */
uint32_t greenlet_remote_kill(const greenlet_remote_token *token);
uint32_t greenlet_remote_wake(const greenlet_remote_token *token);

/* Settles the kills that were asked for, which otherwise happens at the next switch; returns how many. */
size_t greenlet_attend(void);

/* A reference to a greenlet for which a wake was asked; null if there is none. For the program's scheduler. */
greenlet *greenlet_woken(void);

/* ---- Defined by the program ---- */

/* A bug: the message says which, as `length` bytes without a zero. Reports it, and stops; does not return. */
#if defined(__GNUC__)
__attribute__((noreturn))
#endif
void greenlet_panic(const char *message, size_t length);

/* ---- Entering ---- */

greenlet_result greenlet_enter_abi_1(greenlet_main body, void *argument, const greenlet_hooks *hooks, uint64_t layout);

/* Makes the caller the main greenlet, and calls `body`. When that returns, every greenlet that is left is asked to
 * exit; those that do not are leaked. References that still exist are inert then: transfers are refused.
 * `hooks` may be null.
 *
 * Refused: GREENLET_NULL, _CORE_BUSY, _OTHER_CORE, _STILL_REFERRED, _BAD_ABI. Not to be called in an interrupt handler. */
static inline greenlet_result greenlet_enter(greenlet_main body, void *argument, const greenlet_hooks *hooks) {
    return greenlet_enter_abi_1(body, argument, hooks, GREENLET_LAYOUT);
}

#ifdef __cplusplus
}
#endif
#endif
