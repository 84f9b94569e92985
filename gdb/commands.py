"""The commands that look at greenlets, and `$greenlet()`."""

import re

import gdb


def table(rows):
    widths = [max(len(str(row[column])) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(str(cell).ljust(width) for cell, width in zip(row, widths)).rstrip())


class Command(gdb.Command):
    """A command that begins with a fresh look at the program.

    Where the program has overwritten what the command reads, the error is GDB's, without a traceback of Python's."""

    def __init__(self, name, kind=gdb.COMMAND_STATUS, prefix=False):
        super().__init__(name, kind, gdb.COMPLETE_NONE, prefix)

    def invoke(self, argument, _tty):
        Memory.forget()
        try:
            self.run(argument.strip())
        except gdb.MemoryError as error:
            raise gdb.GdbError(str(error))


def doing(waits):
    """The text after the state: what a greenlet waits in. That of a hub's task begins with a verb."""
    return f", {waits}" if re.match("(is|has|sleeps|waits)\\b", waits) else f", in {waits}" if waits else ""


class InfoGreenlets(Command):
    """List the greenlets of every tree that is entered, in the order of creation: `info greenlets [-q]`.

    A line for each has its id, name, state, parent, bytes of the stack in use and in all, references, what it waits in,
    and where. `*` is the one that runs, `>` the one that is looked at. With -q the last two columns are left out."""

    def run(self, argument):
        every = all_greenlets()
        by_address = {g.address: g for g in every}
        rows = [("", "Id", "Name", "State", "Parent", "Stack", "Refs", "Waits in", "Where")]
        for g in every:
            looked_at = View.shown is not None and View.shown.address == g.address
            parent = by_address.get(g.link)
            stack = "-" if g.used is None else f"{g.used}/{g.size}"
            rows.append((
                ">" if looked_at else "*" if g.runs else "",
                g.id,
                g.name,
                g.remarks,
                "-" if parent is None else "main" if parent.is_main else parent.id,
                stack if g.is_intact else stack + " OVERFLOWN",
                g.refs,
                *(("", "") if argument == "-q" else Position.of(g, every)),
            ))
        table([row[:7] for row in rows] if argument == "-q" else rows)


class LookAt(Command):
    """Look at the stack of a greenlet: `greenlet N`, by id or name. Without an argument, print which one is looked at.

    `bt`, `frame`, `up`, `info locals` work there. Any command that lets the program run ends it."""

    def run(self, argument):
        every = all_greenlets()
        if not argument:
            g = View.shown or next(g for g in every if g.runs)
            print(f"[{g} ({g.remarks})]")
            return
        g = named(argument, every)
        if not g.has_frames:
            raise gdb.GdbError(f"{g} is {g.state}: it has no frames")
        waits, _ = Position.of(g, every)
        Core.select(g.core.thread)
        View.show(g)
        print(f"[{g} ({g.remarks}{doing(waits)})]")
        show_frame()


class Apply(Command):
    """Apply a command to greenlets: `greenlet apply all bt`, `greenlet apply 3 parser info locals`."""

    def run(self, argument):
        every, words, chosen = all_greenlets(), argument.split(), []
        while words and (words[0] == "all" or any(words[0] in (str(g.id), g.name) for g in every)):
            chosen += every if words[0] == "all" else [named(words[0], every)]
            words = words[1:]
        if not chosen or not words:
            raise gdb.GdbError("usage: greenlet apply all|N... COMMAND")
        for g in chosen:
            waits, _ = Position.of(g, every)
            print(f"\n{g} ({g.remarks}{doing(waits)})")
            if g.has_frames:
                with g.core, View(g):
                    frame = next(frames(), None)
                    if frame is None:  # the next ones may be intact
                        print(OVERWRITTEN)
                        continue
                    frame.select()
                    gdb.execute(" ".join(words))


class Tree(Command):
    """Draw the tree of greenlets: parents, states, what each waits in, and where."""

    def run(self, _argument):
        every = all_greenlets()
        children = {}
        for g in every:
            if not g.is_main:
                children.setdefault(g.link, []).append(g)
        middle, last = drawn("├─ ", "|- "), drawn("└─ ", "`- ")

        def draw(g, lead, branch):
            waits, where = Position.of(g, every)
            print(f"{lead}{branch}{g} ({g.remarks}{doing(waits)})  {where}".rstrip())
            lead += "" if not branch else "   " if branch == last else drawn("│  ", "|  ")
            left.remove(g)
            below = children.get(g.address, [])
            for child in below:
                draw(child, lead, last if child is below[-1] else middle)

        left = list(every)
        for g in every:
            if g.is_main:
                draw(g, "", "")
        for g in left:
            print(f"{g} is not below main: its parent is overwritten")


class Stacks(Command):
    """Draw how much of each stack is used: now, and at most.

    With the feature `high-water` the most is exact. Without it, the bytes that are not zero are taken as used, by any
    greenlet that had the stack."""

    WIDTH = 40

    def run(self, _argument):
        now_used, once_used, never_used = drawn("█▒·", "#+.")
        rows = [("Id", "Name", "Size", "Now", "Deepest", "", f"{now_used} now  {once_used} deepest")]
        for g in all_greenlets():
            if g.is_main:
                continue
            now = g.used or 0
            deepest, by = g.deepest
            deepest = max(deepest, now)  # a frame may be reserved and not written to yet
            full, half = (min(self.WIDTH, -(-used * self.WIDTH // g.size)) for used in (now, deepest))
            bar = now_used * full + once_used * (half - full) + never_used * (self.WIDTH - half)
            note = "" if by == "painted" else f" ({by})"
            rows.append((g.id, g.name, g.size, now or "-", f"{deepest}{note}", f"{deepest * 100 // g.size} %", bar))
        table(rows)


class Break(Command):
    """Break only in one greenlet: `greenlet break N LOCATION`, which is `break LOCATION if $greenlet() == N`."""

    def run(self, argument):
        word, _, where = argument.partition(" ")
        g = named(word, all_greenlets())
        gdb.Breakpoint(where.strip()).condition = f"$greenlet() == {g.id}"


def current():
    Memory.forget()
    core = next((core for core in cores() if core.thread is None or core.thread.num == gdb.selected_thread().num), None)
    return core and Greenlet(core.current, core)


class Id(gdb.Function):
    """$greenlet(): the id of the greenlet that runs on this core; -1 if none does."""

    def invoke(self):
        g = current()
        return g.id if g else -1


InfoGreenlets("info greenlets")
LookAt("greenlet", gdb.COMMAND_STACK, True)
Apply("greenlet apply", gdb.COMMAND_STACK)
Tree("greenlet tree")
Stacks("greenlet stacks")
Break("greenlet break", gdb.COMMAND_BREAKPOINTS)
Id("greenlet")
