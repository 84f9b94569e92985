#!/usr/bin/env python3
"""Run scenarios on the real greenlet package and print the logs that it makes.

usage: oracle.py [FILE ...]        (no FILE: read standard input)

One stream may hold many scenarios; each one runs in a fresh child process, so
that nothing leaks from one scenario to the next.  corpus/README.md describes
scenarios and logs.

Needs the package, in any environment:

    python3 -m venv DIR && DIR/bin/pip install greenlet
    DIR/bin/python oracle.py FILE

A line "skipped NAME REASON" stands in place of a log where the package has
nothing to say that a kernel could be held to:

- cycle: when a kill by a lost reference is over, the old parent of the victim
  is put back without a look at what happened meanwhile.  That can close a
  cycle of parents, in which the package may then search for ever.
- time: it did not end, most likely for that reason.
- thread: the first switch to a greenlet can take the last reference to its
  origin, whose kill then runs before the body of the greenlet does.  To that
  code the package says of the greenlet's context that it runs in a different
  thread; there is one thread.
"""

import contextvars
import functools
import gc
import os
import re
import signal
import sys
import weakref

STEP_LIMIT = 16 * 24            # slots of a scenario, ops of a script
TIME_LIMIT = 5


class FormatError(Exception):
    pass


def argument(word):
    """A number, None for "-", or one of the format's words."""
    if word == "-":
        return None
    return int(word) if word.isdigit() else word


def parse(text):
    """Return a list of (name, slots, scripts); scripts[i] is a list of ops.

    Well-formed scenarios only: the parser of this package says what is wrong
    with others.
    """
    found = []
    for lineno, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or line.startswith("#"):
            continue
        try:
            if words[0] == "scenario":
                name, slots, scripts, current = words[1], None, None, None
            elif words[0] == "slots":
                slots = int(words[1])
                scripts = [[] for _ in range(slots)]
            elif words[0] == "script":
                current = scripts[int(words[1])]
            elif words[0] == "end":
                found.append((name, slots, scripts))
                name = scripts = current = None
            else:
                current.append((words[0], [argument(word) for word in words[1:]]))
        except (NameError, AttributeError, TypeError, ValueError, IndexError):
            raise FormatError("line %d: %r has no meaning here" % (lineno, line)) from None
    return found


class AppError(Exception):
    """The scenario's own exceptions.  Only args is used: see README, exits."""


class Machine:
    """One scenario.  The only lasting greenlet references are in self.slots."""

    def __init__(self, greenlet, name, slots, scripts):
        self.api = greenlet
        self.name = name
        self.exit_type = greenlet.GreenletExit
        self.count = slots
        self.scripts = scripts
        self.slots = [None] * slots
        self.used = [False] * slots
        self.weak = [None] * slots
        self.address = {}
        self.lines = []
        self.steps = 0
        self.boom = None
        self.ended = False
        self.stderr_text = ""
        self.var = contextvars.ContextVar("var", default=None)
        main = greenlet.getcurrent()
        main.label = 0
        self.slots[0] = main
        self.used[0] = True
        self.weak[0] = weakref.ref(main)
        sys.unraisablehook = self.unraisable
        self.real_stderr = sys.stderr
        sys.stderr = self

    # -- small helpers; none of them keeps a greenlet beyond its own return --

    def log(self, text):
        if not self.ended:
            self.lines.append(text)
            if self.cyclic():
                leave("skipped %s cycle\n" % self.name)

    def cyclic(self):
        """Whether some chain of parents never ends."""
        for weak in self.weak:
            g = weak() if weak is not None else None
            for _ in range(self.count):
                g = g.parent if g is not None else None
            if g is not None:
                return True
        return False

    def token(self, value):
        if value is None or value == ():
            return "none"
        if isinstance(value, self.exit_type):
            return self.exc_token(value)
        if isinstance(value, int):
            return str(value)
        return "UNEXPECTED-" + type(value).__name__

    def exc_token(self, error):
        if isinstance(error, self.exit_type):
            if error.args and isinstance(error.args[0], int):
                return "X%d" % error.args[0]
            return "X"
        if isinstance(error, AppError):
            return "E%d" % error.args[0]
        if isinstance(error, AttributeError) and error.args == ("run",):
            return "NORUN"
        if isinstance(error, ValueError) and "running in a different thread" in str(error):
            leave("skipped %s thread\n" % self.name)
        return "UNEXPECTED-" + type(error).__name__ + "-" + str(error).replace(" ", "-")

    def state_of(self, g):
        if g is self.api.getcurrent():
            return "cur"
        if g.dead:
            return "dead"
        return "susp" if g else "new"

    def state(self, slot):
        return self.state_of(self.slots[slot]) if self.slots[slot] is not None else "noref"

    def parent_label(self, g):
        return "-" if g.parent is None else str(g.parent.label)

    def write(self, text):
        """Standard error: greenlet complains here about an unkillable one."""
        self.stderr_text += text
        while "\n" in self.stderr_text:
            line, self.stderr_text = self.stderr_text.split("\n", 1)
            match = re.match(r"GreenletExit did not kill <.* at (0x[0-9a-f]+)", line)
            if match:
                self.log("* leak %d" % self.address[int(match.group(1), 16)])
            else:
                self.log("* UNEXPECTED-stderr " + line.replace(" ", "-"))

    def flush(self):
        pass

    def unraisable(self, info):
        label = getattr(info.object, "label", "?")
        self.log("* unraisable %s %s" % (label, self.exc_token(info.exc_value)))

    def on_trace(self, event, pair):
        origin, target = pair[0].label, pair[1].label
        if pair[1] is not self.api.getcurrent():
            self.log("* UNEXPECTED-trace-context")
        self.log("* trace %s %d %d" % (event, origin, target))

    def on_trace_boom(self, event, pair):
        self.on_trace(event, pair)
        del pair                            # the traceback must not hold greenlets
        raise AppError(self.boom)

    # -- ops.  The receiver of switch/throw stays on the evaluation stack until
    #    the call comes back, so the caller pins its target; see README. -------

    def do_sw(self, target, value):
        if value is None:
            return self.slots[target].switch()
        return self.slots[target].switch(value)

    def do_up(self, value):
        if value is None:
            return self.api.getcurrent().parent.switch()
        return self.api.getcurrent().parent.switch(value)

    def do_th(self, target, code):
        return self.slots[target].throw(AppError(code))

    def do_kill(self, target, code):
        if code is None:
            return self.slots[target].throw()
        return self.slots[target].throw(self.exit_type(code))

    def body(self, me, *args):
        self.log("%d - start %s" % (me, self.token(args[0] if args else None)))
        return self.script(me)

    def create(self, slot, parent, with_run):
        g = self.api.greenlet(functools.partial(self.body, slot)) if with_run \
            else self.api.greenlet()
        if parent is not None:
            g.parent = self.slots[parent]
        g.label = slot
        self.slots[slot] = g
        self.used[slot] = True
        self.weak[slot] = weakref.ref(g)
        self.address[id(g)] = slot

    def plain_op(self, me, at, name, args):
        """Ops which do not transfer control themselves.  Returns the result."""
        if name in ("new", "bare"):
            slot, parent = args
            if self.used[slot]:
                return "err used"
            if parent is not None and self.slots[parent] is None:
                return "err noref"
            self.create(slot, parent, name == "new")
            return "ok"
        if name == "cur":
            g = self.api.getcurrent()
            return "cur %d %s" % (g.label, self.parent_label(g))
        if name == "hold":
            self.slots[me] = self.api.getcurrent()
            return "ok"
        if name == "trace":
            was = self.api.settrace(self.on_trace if args[0] == "on" else None)
            return "tracing %d" % (was is not None)
        if name == "boom":
            self.boom = args[0]
            was = self.api.settrace(self.on_trace_boom)
            return "tracing %d" % (was is not None)
        if name == "tq":
            return "tracing %d" % (self.api.gettrace() is not None)
        if name == "cset":
            self.var.set(args[0])
            return "ok"
        if name == "cget":
            return "var %s" % self.token(self.var.get())
        # The rest names a slot first.
        target = args[0]
        if self.slots[target] is None:
            return "err noref"
        if name == "st":
            return "state %d %s %s" % (target, self.state(target),
                                       self.parent_label(self.slots[target]))
        if name == "run":
            try:
                self.slots[target].run = functools.partial(self.body, target)
            except AttributeError:
                return "err main" if target == 0 else "err started"
            return "ok"
        if name == "par":
            parent = args[1]
            if parent is not None and self.slots[parent] is None:
                return "err noref"
            try:
                self.slots[target].parent = (self.api.getcurrent() if parent is None
                                             else self.slots[parent])
            except AttributeError:
                return "err main"
            except ValueError as error:
                if "cyclic" not in str(error):
                    return "UNEXPECTED-" + str(error).replace(" ", "-")
                return "err cycle"
            return "ok"
        if name == "drop":
            self.slots[target] = None
            return "ok"
        if name == "ctx":
            if args[1] == "copy":
                self.slots[target].gr_context = contextvars.copy_context()
            elif args[1] == "share":
                self.slots[target].gr_context = self.api.getcurrent().gr_context
            else:
                self.slots[target].gr_context = None
            return "ok"
        raise AssertionError(name)

    def script(self, me):
        """The interpreter; runs in greenlet `me`."""
        for at, (name, args) in enumerate(self.scripts[me]):
            self.steps += 1
            if self.steps > STEP_LIMIT:
                raise AssertionError("step limit")
            where = "%d %d " % (me, at)
            if name == "ret":
                self.log(where + "ret " + self.token(args[0]))
                return args[0]
            if name == "raise":
                self.log(where + "died E%d" % args[0])
                raise AppError(args[0])
            if name == "exit":
                self.log(where + "died X" + ("" if args[0] is None else str(args[0])))
                raise self.exit_type() if args[0] is None else self.exit_type(args[0])
            if name not in ("sw", "up", "th", "kill"):
                self.log(where + self.plain_op(me, at, name, args))
                continue
            flag = args[-1] or "-"
            if name == "up":
                if me == 0:
                    self.log(where + "err noparent")
                    continue
            else:
                if self.slots[args[0]] is None:
                    self.log(where + "err noref")
                    continue
            try:
                if name == "up":
                    got = self.do_up(args[0])
                elif name == "sw":
                    got = self.do_sw(args[0], args[1])
                elif name == "th":
                    got = self.do_th(args[0], args[1])
                else:
                    got = self.do_kill(args[0], args[1])
            except self.exit_type as error:
                text = self.exc_token(error)
                if flag not in "xa":
                    self.log(where + "died " + text)
                    raise
                self.log(where + "caught " + text)
            except Exception as error:      # pylint:disable=broad-except
                text = self.exc_token(error)
                if flag not in "ea":
                    self.log(where + "died " + text)
                    raise
                self.log(where + "caught " + text)
            else:
                text = self.token(got)
                got = None
                self.log(where + "got " + text)
        self.log("%d %d end" % (me, len(self.scripts[me])))
        return None

    def finish(self):
        for slot in range(self.count):
            if not self.used[slot]:
                line = "unused"
            elif self.slots[slot] is not None:
                line = "%s %s" % (self.state(slot), self.parent_label(self.slots[slot]))
            else:
                g = self.weak[slot]()
                line = "freed" if g is None else "lost %s" % self.state_of(g)
                g = None
            self.log("* final %d %s" % (slot, line))
        self.ended = True


def run_here(name, slots, scripts):
    """Run one scenario in this process; never returns."""
    # Of processor time, which a busy computer does not use up; by the clock only what would wait for ever.
    signal.setitimer(signal.ITIMER_PROF, TIME_LIMIT)
    signal.alarm(60 * TIME_LIMIT)
    gc.disable()
    import greenlet
    machine = Machine(greenlet, name, slots, scripts)
    try:
        machine.script(0)
    except (AppError, greenlet.GreenletExit, AttributeError):
        if not any(re.match(r"0 \d+ died ", line) for line in machine.lines):
            raise                           # not the scenario's own exception
    machine.finish()
    sys.stderr = machine.real_stderr
    text = "scenario %s\n" % name
    text += "".join(line + "\n" for line in machine.lines)
    text += "done\n"
    leave(text)


def leave(text):
    """Write to the parent and end this process."""
    sys.stdout.write(text)
    sys.stdout.flush()
    os._exit(0)                             # no teardown: nothing may run now


def run(name, slots, scripts):
    """Run one scenario in a child process; return its text, or None if it failed."""
    reader, writer = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            os.dup2(writer, 1)
            sys.stdout = os.fdopen(1, "w", closefd=False)
            run_here(name, slots, scripts)
        except BaseException:               # pylint:disable=broad-except
            import traceback
            sys.stderr = sys.__stderr__
            traceback.print_exc()
        os._exit(3)
    os.close(writer)
    with os.fdopen(reader, "r") as stream:
        text = stream.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGPROF, signal.SIGALRM):
        return "skipped %s time\n" % name
    if status != 0:
        sys.stderr.write("oracle: scenario %s failed, wait status %d\n" % (name, status))
        return None
    return text


def main(argv):
    status = 0
    for path in argv or ["-"]:
        if path == "-":
            text = sys.stdin.read()
        else:
            with open(path, encoding="ascii") as stream:
                text = stream.read()
        try:
            found = parse(text)
        except FormatError as error:
            sys.stderr.write("oracle: %s: %s\n" % (path, error))
            return 2
        for name, slots, scripts in found:
            result = run(name, slots, scripts)
            if result is None:
                status = 3
            else:
                sys.stdout.write(result)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
