/* Runs conformance scenarios through the functions of greenlet.h, and writes the logs that Python's greenlet writes.
 *
 * The format and its rules are in qemu-tests/conformance/corpus/README.md. As there, the interpreter holds no reference
 * to a greenlet that the format does not grant it: the slots, and the greenlet that an op names while the op lasts.
 * The file must be well formed: another program checks that. It is in the program, which is compiled with its name as
 * SCENARIOS, a string. */
#include "check.h"
#include <stdarg.h>

/* The text of the file, and a zero. */
extern const char scenarios[];
__asm__(".section .rodata, \"a\"\n"
        ".globl scenarios\n"
        "scenarios: .incbin \"" SCENARIOS "\"\n"
        "    .byte 0\n"
        ".text\n");

enum { SLOTS = 16, OPS = 24, WORDS = 4, VARIABLES = SLOTS * OPS + SLOTS };

GREENLET_POOL(stacks, SLOTS - 1, 64 * 1024);

/* ---- Text, without a C library ---- */

static bool same(const char *one, const char *other) {
    while (*one && *one == *other) one++, other++;
    return *one == *other;
}

/* Appends text, or a number; returns where the zero is that ends it. */
static char *add(char *at, const char *text) {
    while ((*at = *text++) != 0) at++;
    return at;
}
static char *add_number(char *at, unsigned number) {
    if (number >= 10) at = add_number(at, number / 10);
    *at++ = (char)('0' + number % 10);
    *at = 0;
    return at;
}

static unsigned to_number(const char *text) {
    unsigned number = 0;
    while (*text >= '0' && *text <= '9') number = 10 * number + (unsigned)(*text++ - '0');
    return number;
}

/* Prints a line. `%u` is a number, `%s` a text. */
static void say(const char *format, ...) {
    char line[256], *at = line;
    va_list arguments;
    va_start(arguments, format);
    for (; *format; format++) {
        if (*format != '%') *at++ = *format;
        else if (*++format == 'u') at = add_number(at, va_arg(arguments, unsigned));
        else at = add(at, va_arg(arguments, const char *));
    }
    va_end(arguments);
    *at = 0;
    put(line);
}

/* ---- A scenario, and what is left of its greenlets ---- */

typedef struct op {
    char words[WORDS + 1][8];
} op;

static op scripts[SLOTS][OPS];
static unsigned lengths[SLOTS], slots;

static greenlet *held[SLOTS];              /* the scripts' reference */
static bool used[SLOTS];                   /* a greenlet was created there */
static uint64_t ids[SLOTS];                /* its number */
static greenlet_weak_token weak[SLOTS];
static const char *variables[VARIABLES];   /* the values of context variables; contexts are the program's own matter */
static const char **contexts[SLOTS];
static unsigned variables_used;
static bool ended;                         /* main's script is over: nothing is logged, and no op begins */

/* ---- Values: none, numbers, and exits that arrive as values ---- */

static void *number(const char *text) { return text[0] == '-' ? NULL : word((uintptr_t)to_number(text) << 2 | 1); }
static void *exit_value(const char *text) { return word((uintptr_t)number(text) | 2); }
static bool is_exit(void *value) { return ((uintptr_t)value & 2) != 0; }

static const char *shown(void *value) {
    static char text[16];
    uintptr_t bits = (uintptr_t)value;
    if ((bits & 3) == 0) return "none";
    if ((bits & 1) == 0) return "X";
    add_number(add(text, is_exit(value) ? "X" : ""), (unsigned)(bits >> 2));
    return text;
}

/* What is caught or dies. */
static const char *token(greenlet_result thrown) {
    static char text[64];
    switch (thrown.kind) {
    case GREENLET_EXIT: return shown(word((uintptr_t)thrown.value | 2));
    case GREENLET_ERROR: add(add(text, "E"), shown(thrown.value)); break;
    case GREENLET_NO_RUN: return "NORUN";
    default: add_number(add(text, "UNEXPECTED kind "), thrown.kind);
    }
    return text;
}

/* ---- The log ---- */

#define LOG(...)                        \
    do {                                \
        if (!ended) say(__VA_ARGS__); \
    } while (0)

/* A greenlet as the log names it, found by its number. */
static const char *label(greenlet *g) {
    static char texts[4][24];
    static unsigned turn;
    char *text = texts[turn++ % 4];
    unsigned slot = 0;
    if (g == NULL) return "-";
    while (slot < SLOTS && !(used[slot] && ids[slot] == greenlet_id(g))) slot++;
    if (slot == SLOTS) return "UNEXPECTED";
    add_number(text, slot);
    return text;
}

static const char *state(greenlet *g) {
    static const char *const names[] = { "new", "cur", "susp", "dead" };
    return names[greenlet_state(g)];
}

/* The label of the parent of `g`; the reference is gone when this returns. */
static const char *parent_label(greenlet *g) {
    greenlet *parent = greenlet_parent(g);
    const char *text = label(parent);
    greenlet_unref(parent);
    return text;
}

/* ---- Ops ---- */

typedef struct here {
    greenlet *me;
    unsigned slot, at;
} here;

static void result(here h, const char *text) { LOG("%u %u %s\n", h.slot, h.at, text); }

static greenlet_result script(greenlet *me, unsigned slot);

static greenlet_result body(greenlet *me, void *argument, void *first) {
    unsigned slot = (unsigned)(uintptr_t)argument;
    LOG("%u - start %s\n", slot, is_exit(first) ? "none" : shown(first));
    return script(me, slot);
}

static void created(unsigned slot, greenlet *g) {
    used[slot] = true;
    ids[slot] = greenlet_id(g);
    held[slot] = g;
    if (greenlet_downgrade(g, &weak[slot])) LOG("* UNEXPECTED weak\n");
}

/* A reference to the greenlet that an argument names, or null. `-` is the current one. */
static greenlet *named(here h, const char *argument) {
    greenlet *g = argument[0] == '-' ? greenlet_ref(h.me) : greenlet_ref(held[to_number(argument)]);
    if (g == NULL) result(h, "err noref");
    return g;
}

static void create(here h, const op *o, bool with_body) {
    unsigned slot = to_number(o->words[1]);
    greenlet *parent, *made;
    uint32_t status;
    if (used[slot]) {
        result(h, "err used");
        return;
    }
    if ((parent = named(h, o->words[2])) == NULL) return;
    status = greenlet_spawn(&made, parent, &stacks, with_body ? body : NULL, word(slot), NULL);
    greenlet_unref(parent);
    if (status == 0) created(slot, made);
    result(h, status == 0 ? "ok" : greenlet_strerror(status));
}

static void give_body(here h, const op *o) {
    greenlet *g = named(h, o->words[1]);
    uint32_t status;
    if (g == NULL) return;
    status = greenlet_set_body(g, body, word(to_number(o->words[1])), NULL);
    greenlet_unref(g);
    result(h, status == 0                  ? "ok"
              : status == GREENLET_MAIN    ? "err main"
              : status == GREENLET_STARTED ? "err started"
                                           : greenlet_strerror(status));
}

static void set_parent(here h, const op *o) {
    greenlet *g = named(h, o->words[1]), *parent;
    uint32_t status;
    if (g == NULL) return;
    if ((parent = named(h, o->words[2])) == NULL) {
        greenlet_unref(g);
        return;
    }
    status = greenlet_set_parent(g, parent);
    greenlet_unref(parent); /* in this order: each may kill */
    greenlet_unref(g);
    result(h, status == 0                ? "ok"
              : status == GREENLET_MAIN  ? "err main"
              : status == GREENLET_CYCLE ? "err cycle"
                                         : greenlet_strerror(status));
}

static void look(here h, const op *o) {
    greenlet *g = named(h, o->words[1]);
    const char *parent, *its_state;
    if (g == NULL) return;
    its_state = state(g);
    parent = parent_label(g);
    greenlet_unref(g);
    LOG("%u %u state %s %s %s\n", h.slot, h.at, o->words[1], its_state, parent);
}

static void current(here h) {
    greenlet *g = greenlet_current();
    LOG("%u %u cur %s %s\n", h.slot, h.at, label(g), parent_label(g));
}

static void drop(here h, const op *o) {
    unsigned slot = to_number(o->words[1]);
    greenlet *g = held[slot];
    if (g == NULL) {
        result(h, "err noref");
        return;
    }
    held[slot] = NULL;
    greenlet_unref(g);
    result(h, "ok");
}

static void hold(here h) {
    greenlet *before = held[h.slot];
    held[h.slot] = greenlet_ref(greenlet_current());
    greenlet_unref(before);
    result(h, "ok");
}

static greenlet_result tracer(uint32_t is_throw, greenlet *origin, greenlet *target, void *boom) {
    LOG("* trace %s %s %s\n", is_throw ? "throw" : "switch", label(origin), label(target));
    if (greenlet_current() != target) LOG("* UNEXPECTED trace\n");
    return boom ? greenlet_error(boom) : greenlet_ok(NULL);
}

static void tracing(here h, bool before) { result(h, before ? "tracing 1" : "tracing 0"); }

static void set_tracer(here h, greenlet_tracer new_tracer, void *boom) {
    bool before = greenlet_trace() != NULL;
    if (greenlet_set_trace(new_tracer, boom)) LOG("* UNEXPECTED set_trace\n");
    tracing(h, before);
}

static const char **context(here h) {
    if (contexts[h.slot] == NULL) contexts[h.slot] = &variables[variables_used++];
    return contexts[h.slot];
}

static void get_variable(here h) {
    const char *value = contexts[h.slot] ? *contexts[h.slot] : NULL;
    LOG("%u %u var %s\n", h.slot, h.at, value ? value : "none");
}

static void give_context(here h, const op *o) {
    greenlet *g = named(h, o->words[1]);
    const char **given = NULL;
    if (g == NULL) return;
    if (o->words[2][0] == 'c') {
        const char *value = *context(h);
        given = &variables[variables_used++];
        *given = value;
    } else if (o->words[2][0] == 's') {
        given = contexts[h.slot];
    }
    contexts[to_number(o->words[1])] = given;
    greenlet_unref(g);
    result(h, "ok");
}

/* Logs what a transfer returned, when its pin is gone; true if that leaves the script. */
static bool leaves(here h, greenlet_result got, char catches) {
    bool caught = got.kind == GREENLET_EXIT ? catches == 'x' || catches == 'a'
                                            : (got.kind == GREENLET_ERROR || got.kind == GREENLET_NO_RUN) &&
                                                  (catches == 'e' || catches == 'a');
    if (got.kind == GREENLET_VALUE) LOG("%u %u got %s\n", h.slot, h.at, shown(got.value));
    else LOG("%u %u %s %s\n", h.slot, h.at, caught ? "caught" : "died", token(got));
    return got.kind != GREENLET_VALUE && !caught;
}

/* Half of the slots go up in one way, half in the other. */
static greenlet_result up(here h, void *value) {
    greenlet *parent;
    greenlet_result got;
    if (h.slot % 2 == 0) return greenlet_up(h.me, value);
    parent = greenlet_parent(h.me);
    got = greenlet_switch(parent, value);
    greenlet_unref(parent);
    return got;
}

/* Runs an op that moves control; true if it ends the script, with `*got`. */
static bool transfer(here h, const op *o, greenlet_result *got) {
    const char *verb = o->words[0];
    greenlet *g;
    if (same(verb, "up")) {
        *got = up(h, number(o->words[1]));
        if (got->kind == GREENLET_MAIN) {
            result(h, "err noparent");
            return false;
        }
        return leaves(h, *got, o->words[2][0]);
    }
    if ((g = named(h, o->words[1])) == NULL) return false;
    if (same(verb, "sw")) *got = greenlet_switch(g, number(o->words[2]));
    else if (same(verb, "th")) *got = greenlet_throw(g, number(o->words[2]));
    else *got = greenlet_kill(g, exit_value(o->words[2]));
    greenlet_unref(g);
    return leaves(h, *got, o->words[3][0]);
}

/* Runs an op that ends the script. */
static bool end(here h, const op *o, greenlet_result *got) {
    const char *verb = o->words[0];
    if (same(verb, "ret")) {
        *got = greenlet_ok(number(o->words[1]));
        LOG("%u %u ret %s\n", h.slot, h.at, shown(got->value));
        return true;
    }
    if (same(verb, "raise")) {
        *got = greenlet_error(number(o->words[1]));
    } else {
        got->kind = GREENLET_EXIT;
        got->value = exit_value(o->words[1]);
    }
    LOG("%u %u died %s\n", h.slot, h.at, token(*got));
    return true;
}

/* Runs one op; true if it ends the script. */
static bool run_op(here h, const op *o, greenlet_result *got) {
    const char *verb = o->words[0];
#define IS(VERB) same(verb, VERB)
    if (IS("sw") || IS("up") || IS("th") || IS("kill")) return transfer(h, o, got);
    if (IS("ret") || IS("raise") || IS("exit")) return end(h, o, got);
    if (IS("new")) create(h, o, true);
    else if (IS("bare")) create(h, o, false);
    else if (IS("run")) give_body(h, o);
    else if (IS("par")) set_parent(h, o);
    else if (IS("st")) look(h, o);
    else if (IS("cur")) current(h);
    else if (IS("drop")) drop(h, o);
    else if (IS("hold")) hold(h);
    else if (IS("trace")) set_tracer(h, o->words[1][1] == 'n' ? tracer : NULL, NULL);
    else if (IS("boom")) set_tracer(h, tracer, number(o->words[1]));
    else if (IS("tq")) tracing(h, greenlet_trace() != NULL);
    else if (IS("cset")) *context(h) = o->words[1], result(h, "ok");
    else if (IS("cget")) get_variable(h);
    else if (IS("ctx")) give_context(h, o);
    else LOG("* UNEXPECTED op %s\n", verb);
    return false;
}

static greenlet_result script(greenlet *me, unsigned slot) {
    here h = { me, slot, 0 };
    greenlet_result got = greenlet_ok(NULL);
    for (; !ended; h.at++) {
        if (h.at == lengths[slot]) {
            result(h, "end");
            break;
        }
        if (!run_op(h, &scripts[slot][h.at], &got)) continue;
        /* An exit of the library's own carries null; the parent is to tell it from no value. */
        if (got.kind == GREENLET_EXIT) got.value = word((uintptr_t)got.value | 2);
        return got;
    }
    return greenlet_ok(NULL);
}

/* ---- A run ---- */

static void on_unraisable(greenlet *victim, greenlet_result error, void *none) {
    (void)none;
    LOG("* unraisable %s %s\n", label(victim), token(error));
}
static void on_leak(greenlet *victim, void *none) {
    (void)none;
    LOG("* leak %s\n", label(victim));
}

static greenlet_result program(greenlet *me, void *argument) {
    unsigned slot;
    greenlet_result left;
    (void)argument;
    created(0, greenlet_ref(me));
    left = script(me, 0);
    for (slot = 0; slot < slots; slot++) {
        greenlet *found;
        if (!used[slot]) {
            say("* final %u unused\n", slot);
        } else if (held[slot]) {
            say("* final %u %s %s\n", slot, state(held[slot]), parent_label(held[slot]));
        } else if ((found = greenlet_upgrade(&weak[slot])) != NULL) {
            say("* final %u lost %s\n", slot, state(found));
            greenlet_unref(found);
        } else {
            say("* final %u freed\n", slot);
        }
    }
    ended = true;
    return left;
}

static void interpret(const char *name) {
    static const greenlet_hooks hooks = { NULL, on_unraisable, on_leak, NULL };
    unsigned slot;
    greenlet_result left;
    ended = false;
    say("scenario %s\n", name);
    left = greenlet_enter(program, NULL, &hooks);
    if (left.kind > GREENLET_NO_RUN) say("* UNEXPECTED %s\n", greenlet_strerror(left.kind));
    for (slot = 0; slot < SLOTS; slot++) greenlet_unref(held[slot]);
    say("done\n");
}

/* Nothing is left of the scenario before. */
static void forget(void) {
    unsigned slot, variable;
    for (slot = 0; slot < SLOTS; slot++) {
        lengths[slot] = 0;
        held[slot] = NULL;
        used[slot] = false;
        contexts[slot] = NULL;
    }
    for (variable = 0; variable < VARIABLES; variable++) variables[variable] = NULL;
    variables_used = 0;
}

/* Takes the next word of a line, of less than ROOM characters; it is empty at the end of the line. */
enum { ROOM = 48 };
static const char *take(const char *at, char *word_) {
    unsigned length = 0;
    while (*at == ' ') at++;
    for (; *at && *at != ' ' && *at != '\n'; at++)
        if (length < ROOM - 1) word_[length++] = *at;
    word_[length] = 0;
    return at;
}

int run(void) {
    const char *at = scenarios;
    char verb[ROOM], name[ROOM] = "", word_[ROOM];
    unsigned slot = 0;
    while (*at) {
        at = take(at, verb);
        if (same(verb, "scenario")) {
            at = take(at, name);
            forget();
        } else if (same(verb, "slots")) {
            at = take(at, word_);
            slots = to_number(word_);
        } else if (same(verb, "script")) {
            at = take(at, word_);
            slot = to_number(word_);
        } else if (same(verb, "end")) {
            interpret(name);
        } else if (verb[0] != '#' && verb[0] != 0) {
            op *o = &scripts[slot][lengths[slot]++];
            unsigned count;
            add(o->words[0], verb);
            for (count = 1; count < WORDS; count++) {
                at = take(at, word_);
                add(o->words[count], word_);
            }
        }
        while (*at && *at != '\n') at++;
        if (*at) at++;
    }
    return 0;
}
