"""Greenlets in GDB: `info greenlets`, `greenlet N`, `greenlet apply`, `tree`, `stacks`, `next`, `break`, and `$greenlet()`.

GDB loads this text from the ELF file, or by `gdb -x greenlet.py`. It reads memory and DWARF, and writes neither memory nor
registers. So it works on a process, over a gdbstub, and on a core file. The program needs DWARF types: `debug = true` in its
Cargo profile. All layouts come from there; `Layout` names the fields.
"""

import re

import gdb
import gdb.unwinder
from gdb.FrameDecorator import FrameDecorator

# The bits of `Block::flags`: src/records/flags.rs.
NO_BODY, DEAD, ENDED, LEAKED, PINNED, ABANDONED = 1, 2, 4, 8, 16, 64
# The word `Number::word`: the bits of the id, and requests beside it. See src/records/mail.rs.
NUMBER = (1 << 56) - 1
REQUESTS = ((1 << 63, "kill"), (1 << 62, "wake"))
# Bytes of a canary band, and a byte of paint: src/records/band.rs, src/records/paint.rs.
BAND, PAINT = 64, 0x9E
WORD = 8
MAIN_SPAN = (1 << 64) - 1

KERNEL = re.compile(r"<?greenlet::(api|kernel|records|arch)::")
LIBRARY = re.compile(r"<?(core|std|alloc)::|__rust_")


# Memory and layouts


class Memory:
    """Reads the program's memory by lines, and keeps them for one command: over a gdbstub every read is a round trip."""

    LINE = 512
    lines = {}

    @classmethod
    def forget(cls):
        cls.lines.clear()

    @classmethod
    def read(cls, address, size):
        first = address - address % cls.LINE
        found = b"".join(cls.line(at) or b"" for at in range(first, address + size, cls.LINE))
        data = found[address - first : address - first + size]
        return data if len(data) == size else exactly(address, size)

    @classmethod
    def line(cls, at):
        if at not in cls.lines:
            try:
                cls.lines[at] = exactly(at, cls.LINE)
            except gdb.MemoryError:
                cls.lines[at] = None
        return cls.lines[at]

    @classmethod
    def word(cls, address, size=WORD):
        return number(cls.read(address, size))


def exactly(address, size):
    return gdb.selected_inferior().read_memory(address, size).tobytes() if size else b""


def number(data):
    return int.from_bytes(data, "little")


class Struct:
    """A struct of the crate: offset and size of its fields, by DWARF. A field may be a path, such as `context.sp`."""

    def __init__(self, name, *paths):
        try:
            struct = gdb.lookup_type(name)
        except gdb.error:
            raise gdb.GdbError(
                f"no type {name} here: load the program's symbols with `file`, and build it with `debug = true` in its Cargo profile"
            )
        self.size = struct.sizeof
        self.fields = {path: self.find(struct, name, path.split(".")) for path in paths}

    @staticmethod
    def find(struct, name, path):
        at = 0
        for step in path:
            field = next((field for field in struct.fields() if field.name == step), None)
            if field is None:
                raise gdb.GdbError(f"{name} has no field {'.'.join(path)}: this script is of another version of the crate")
            at, struct = at + field.bitpos // 8, field.type
        return at, struct.sizeof

    def at(self, address, path):
        return address + self.fields[path][0]

    def read(self, address):
        """All fields of the struct at `address`, by path."""
        data = Memory.read(address, self.size)
        return {path: number(data[at : at + size]) for path, (at, size) in self.fields.items()}


class Layout:
    """The structs of the crate, as this program has them."""

    known = {}

    def __init__(self):
        context = ["context." + field for field in ("sp", "pc", "frame", "reserved", "link")]
        others = ["flags", "refs", "floor", "span", "record", "body_or_pin", "next", "name", "id.word"]
        self.block = Struct("greenlet::records::block::Block", *context, *others)
        self.core = Struct("greenlet::records::core_state::Core", "current", "main")
        text = Struct("&str", "data_ptr", "length")
        self.text, self.length = text.at(0, "data_ptr"), text.at(0, "length")

    @classmethod
    def here(cls):
        space = gdb.current_progspace().filename
        if space not in cls.known:
            cls.known[space] = cls()
        return cls.known[space]


class Machine:
    """Names of an instruction set: the registers of a `Context`, and the instruction before the resume address of an `up`."""

    def __init__(self, sp, pc, frame, reserved, mark):
        self.sp, self.pc, self.frame, self.reserved, self.mark = sp, pc, frame, reserved, mark

    @staticmethod
    def here():
        name = gdb.selected_inferior().architecture().name()
        if "aarch64" in name:
            return Machine("sp", "pc", "x29", "x19", 0xD2800002.to_bytes(4, "little"))
        if "x86-64" in name:
            return Machine("rsp", "rip", "rbp", "rbx", b"\xcc")
        raise gdb.GdbError(f"the crate has no stack switch for {name}")


# Greenlets and cores


class Greenlet:
    """A control block, as it is now."""

    def __init__(self, address, core):
        layout = Layout.here()
        fields = layout.block.read(address)
        self.address, self.core = address, core
        self.sp, self.pc, self.frame, self.reserved, self.link = (
            fields["context." + field] for field in ("sp", "pc", "frame", "reserved", "link")
        )
        self.flags, self.refs, self.floor, self.body = (fields[f] for f in ("flags", "refs", "floor", "body_or_pin"))
        self.is_main = fields["span"] == MAIN_SPAN
        self.next = fields["next"]
        self.id = fields["id.word"] & NUMBER
        self.requests = [name for bit, name in REQUESTS if fields["id.word"] & bit]
        at = layout.block.at(address, "name")
        start, length = Memory.word(at + layout.text), Memory.word(at + layout.length)
        self.name = "main" if self.is_main else Memory.read(start, length).decode("utf-8", "replace") if start else ""
        self.limit, self.base = self.floor - BAND, address + layout.block.size

    @property
    def runs(self):
        return self.address == self.core.current

    @property
    def state(self):
        if self.flags & (DEAD | ENDED):
            return "abandoned" if self.flags & ABANDONED else "dead"
        if self.flags & NO_BODY:
            return "bare"
        if self.body and not self.flags & PINNED:
            return "unstarted"
        return "running" if self.runs else "suspended"

    @property
    def has_frames(self):
        return self.state in ("running", "suspended")

    @property
    def remarks(self):
        """The state, with flags and requests."""
        more = [name for bit, name in ((LEAKED, "leaked"), (ENDED, "ended")) if self.flags & bit] + self.requests
        return self.state + (f" ({', '.join(more)})" if more else "")

    @property
    def size(self):
        return self.base - self.limit

    @property
    def used(self):
        """Bytes from the base to its stack pointer; None if that is not on its stack."""
        sp = self.core.registers()[0] if self.runs else self.sp
        on_stack = not self.is_main and not self.flags & DEAD and self.limit <= sp <= self.base
        return self.base - sp if on_stack else None

    @property
    def deepest(self):
        """The most bytes of the stack that were ever used, and by whom that can be told."""
        data = Memory.read(self.floor, self.address - self.floor)
        for byte, by in ((PAINT, "painted"), (0, "this stack")):
            clean = len(data) - len(data.lstrip(bytes([byte])))
            if clean >= WORD:
                return self.base - self.floor - clean // WORD * WORD, by
        return self.size, "never clean"

    @property
    def is_intact(self):
        """Whether the canary band is."""
        if self.is_main:
            return True
        words = [self.floor] * (BAND // WORD - 1) + [(1 << 64) - self.floor]
        return Memory.read(self.limit, BAND) == b"".join(word.to_bytes(WORD, "little") for word in words)

    def __str__(self):
        return "main" if self.is_main else f'greenlet {self.id} "{self.name}"' if self.name else f"greenlet {self.id}"


class Core:
    """The record of a core, or of a thread with the feature `std`, and the GDB thread that is its processor."""

    def __init__(self, address, thread):
        fields = Layout.here().core.read(address)
        self.current, self.main, self.thread, self.machine = fields["current"], fields["main"], thread, Machine.here()

    def __enter__(self):
        """Selects the thread, until the end of the block."""
        self.kept = gdb.selected_thread()
        self.select(self.thread)

    def __exit__(self, *_):
        self.select(self.kept)

    @staticmethod
    def select(thread):
        if thread is not None and thread.is_valid() and gdb.selected_thread().num != thread.num:
            thread.switch()

    def registers(self):
        """The processor's stack pointer, and whether it executes code of the crate."""
        with self, View(None):
            frame = gdb.newest_frame()
            return int(frame.read_register(self.machine.sp)), is_kernel(frame)

    def greenlets(self):
        """All greenlets of its tree, in the order of creation: the ring whose head is main."""
        found, at = [], self.main
        while at and (not found or at != self.main) and len(found) < 1 << 20:
            found.append(Greenlet(at, self))
            at = found[-1].next
        # `current` changes some instructions before the stack does. So the running greenlet is that on whose stack the processor
        # is. If there is none, either main is about to switch, or a handler on a stack of its own interrupted `current`.
        if found:
            sp, in_kernel = self.registers()
            here = next((g for g in found if not g.is_main and g.limit <= sp <= g.address), None)
            self.current = here.address if here else self.main if in_kernel else self.current
        return found


def static(name):
    for look in (gdb.lookup_global_symbol, gdb.lookup_static_symbol):
        symbol = look(name)
        if symbol is not None:
            try:
                return symbol.value()
            except gdb.error:  # a thread-local, of a thread that has none
                return None
    return None


def cores():
    """The cores that have entered a tree."""
    Layout.here()  # before all else: its error says what is missing
    state, thread = "greenlet::records::core_state::imp::", gdb.selected_thread()
    if thread is None:
        raise gdb.GdbError("the program is not running: start it, or load a core file")
    threads = sorted(gdb.selected_inferior().threads(), key=lambda other: other.num)
    one, many = static(state + "RECORD"), static(state + "RECORDS")
    if one is not None:
        found = [Core(int(one.address), thread)]
    elif many is not None:  # feature `cores`: GDB's threads are the cores, in this order
        step, count = many.type.target().sizeof, many.type.range()[1] + 1
        places = zip(range(count), threads + [None] * count)
        found = [Core(int(many.address) + step * n, processor) for n, processor in places]
    else:  # feature `std`
        found = []
        for other in threads:
            Core.select(other)
            record = thread_record(state)
            if record is not None:
                found.append(Core(record, other))
        Core.select(thread)
    return [core for core in found if core.current and core.main]


def thread_record(state):
    """The selected thread's record: what the macro `thread_local!` makes of `THREAD`. The names are std's, so the type decides."""
    for closure in range(4):
        for constant in ("constant", "const"):
            value = static(f"{state}THREAD::{{{constant}#0}}::{{closure#{closure}}}::__RUST_STD_INTERNAL_VAL")
            if value is not None and value.type.name == "greenlet::records::core_state::Core":
                return int(value.address)
    return None


def all_greenlets():
    found = [g for core in cores() for g in core.greenlets()]
    if not found:
        raise gdb.GdbError("no tree is entered: there are no greenlets")
    return found


def named(word, every):
    for g in every:
        if word in (str(g.id), g.name):
            return g
    raise gdb.GdbError(f"no greenlet {word}; `info greenlets` lists them by number and name")


# Frames of a greenlet that does not run


class View(gdb.unwinder.Unwinder):
    """Makes the place where a greenlet is suspended the caller of the innermost frame.

    So nothing needs to be put back, and frames, variables and registers of that stack can be looked at as ever. The registers
    that a `Context` does not have are dead at a switch, or saved in the frames. `with View(g):` shows `g` within a block;
    `View(None)`, the processor.
    """

    shown = None
    hook = None  # stack pointer and pc of the frame that the view hangs on

    def __init__(self, greenlet=None):
        super().__init__("greenlet")
        self.greenlet = greenlet

    def __enter__(self):
        self.kept = View.shown
        if self.kept is not self.greenlet:
            View.show(self.greenlet)

    def __exit__(self, *_):
        if self.kept is not View.shown:
            View.show(self.kept)

    @staticmethod
    def show(greenlet):
        View.shown = None
        gdb.invalidate_cached_frames()
        if greenlet is not None and not greenlet.runs:
            View.hook = View.place(gdb.newest_frame(), greenlet.core.machine)
            View.shown = greenlet
            gdb.invalidate_cached_frames()

    @staticmethod
    def place(frame, machine):
        return int(frame.read_register(machine.sp)), int(frame.read_register(machine.pc))

    def __call__(self, frame):
        g = View.shown
        if g is None or View.place(frame, g.core.machine) != View.hook:
            return None
        machine = g.core.machine
        # Stack address 0: no caller is "inner" to this frame, wherever its stack lies.
        word = frame.read_register(machine.sp).type
        identity = getattr(gdb.unwinder, "FrameId", FrameId)(gdb.Value(0).cast(word), frame.read_register(machine.pc))
        info = frame.create_unwind_info(identity)
        for register, value in ((machine.sp, g.sp), (machine.pc, g.pc), (machine.frame, g.frame), (machine.reserved, g.reserved)):
            info.add_saved_register(register, gdb.Value(value).cast(frame.read_register(register).type))
        return info

    @staticmethod
    def hangs_on(frame):
        """Whether the view hangs on the frame, or on the one that it is inlined in."""
        try:
            return View.shown is not None and View.place(frame, View.shown.core.machine) == View.hook
        except gdb.error:  # its registers are not known
            return False


class FrameId:
    """What GDB before 14 has no class for."""

    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


def is_kernel(frame):
    return bool(KERNEL.match(frame.name() or ""))


_trampolines = {}


def is_trampoline(frame):
    if frame.type() != gdb.SIGTRAMP_FRAME:
        return False
    pc = frame.pc()
    if pc not in _trampolines:
        _trampolines[pc] = "trampoline::trampoline" in gdb.execute(f"info symbol {pc:#x}", to_string=True)
    return _trampolines[pc]


def frames():
    """The frames of the greenlet that is shown, innermost first, down to the base of its stack."""
    frame = gdb.newest_frame()
    while frame is not None and View.hangs_on(frame):
        frame = frame.older()
    while frame is not None and frame.is_valid() and not is_trampoline(frame):
        yield frame
        frame = frame.older()


def show_frame():
    """Selects the innermost frame that is not the crate's, and shows it."""
    every = list(frames())
    next((frame for frame in every if not is_kernel(frame)), every[0]).select()
    gdb.execute("frame")


class Standing:
    """What a greenlet waits in, and where in the program's own code it stands, as a walk along its stack found.

    Another greenlet at the same resume address, with the same return addresses at the same places, stands there, too: most of
    thousands do, and a walk takes a millisecond.
    """

    known = {}

    @classmethod
    def of(cls, g, every):
        if g.state == "unstarted":
            return "first switch", ""
        if g.state == "bare":
            return "a body (set_run)", ""
        if not g.has_frames:
            return "", ""
        with g.core:
            found = next((one for one in cls.known.get(g.pc, ()) if not g.runs and one.fits(g)), None) or cls(g)
            if g.runs:
                return "", found.where
            if g.flags & PINNED:
                return "up (old parent)", found.where
            mark = g.core.machine.mark
            if g.pc and Memory.read(g.pc - len(mark), len(mark)) == mark:
                return "up", found.where
            return found.kind + (found.target(g, every) if found.kind == "switch" else ""), found.where

    def __init__(self, g):
        self.kind, self.where, returns, below = "switch", "?", [], None
        with View(g):
            for frame in frames():
                if not is_kernel(frame) and not LIBRARY.match(frame.name() or ""):
                    sal = frame.find_sal()
                    line = f" ({sal.symtab.filename.rsplit('/', 1)[-1]}:{sal.line})" if sal.symtab else ""
                    self.where = short(frame.name() or "?") + line
                    below = int(frame.read_register(g.core.machine.sp))
                    break
                if "transfer::slow::" in (frame.name() or ""):
                    self.kind = "throw, kill or traced switch"
                older = frame.older()
                if frame.type() != gdb.INLINE_FRAME and older is not None:
                    returns.append(older.pc())
        self.returns = None
        if below is not None and not g.runs and 0 <= below - g.sp <= 4096:
            data = exactly(g.sp, below - g.sp)
            words = [number(data[at : at + WORD]) for at in range(0, len(data), WORD)]
            if all(address in words for address in returns):
                self.returns = [(words.index(address) * WORD, address) for address in returns]
                Standing.known.setdefault(g.pc, []).append(self)

    def fits(self, g):
        return all(Memory.word(g.sp + at) == address for at, address in self.returns)

    @staticmethod
    def target(g, every):
        """To which greenlet it switched: the parameter of the inlined function that switches."""
        with View(g):
            for frame in frames():
                if short(frame.name() or "").endswith("transfer::switch"):
                    try:
                        to = frame.read_var("to")
                        while to.type.strip_typedefs().code == gdb.TYPE_CODE_STRUCT:  # a pointer in wrappers
                            to = to[to.type.fields()[0]]
                        address = int(to)
                    except (gdb.error, ValueError):  # not known there
                        return ""
                    other = next((other for other in every if other.address == address), None)
                    return f" to {other.name or other.id}" if other else ""
        return ""


def short(name):
    """A function's name without generic arguments."""
    shorter, depth = "", 0
    for before, letter in zip(" " + name, name):
        if letter == "<" and shorter:
            depth += 1
        elif letter == ">" and depth and before != "-":
            depth -= 1
        elif not depth:
            shorter += letter
    return shorter.removesuffix("::")


def reset(_event=None):
    """The program's code may be another one."""
    for cache in (Layout.known, Standing.known, _trampolines, Memory.lines):
        cache.clear()


def leave_view(_event=None):
    Memory.forget()
    if View.shown is not None:
        View.show(None)


gdb.unwinder.register_unwinder(None, View(), replace=True)
gdb.events.cont.connect(leave_view)
gdb.events.new_objfile.connect(reset)


# Backtraces


class Base(FrameDecorator):
    """The trampoline: shown as the base of a greenlet's stack."""

    def function(self):
        frame = self.inferior_frame()
        try:
            core = next(iter(cores()))
            record = int(frame.read_register(core.machine.frame))
            g = Greenlet(record - Layout.here().block.at(0, "record"), core)
            return f"[base of {g}; its parent is {Greenlet(g.link, core)}]"
        except (gdb.error, StopIteration):
            return "[base of a greenlet]"

    def filename(self):
        return None

    def line(self):
        return None


class KernelFrames(gdb.Parameter):
    """Whether backtraces show the crate's own frames."""

    set_doc = "Set whether backtraces show the frames of the crate greenlet itself."
    show_doc = "Show whether backtraces show the frames of the crate greenlet itself."

    def __init__(self):
        super().__init__("greenlet-kernel-frames", gdb.COMMAND_STACK, gdb.PARAM_BOOLEAN)
        self.value = False


kernel_frames = KernelFrames()


class Filter:
    """Leaves out the crate's frames, with those of the standard library between them, and what is behind the base of a stack that
    does not run: its parent's context is stale when the parent runs."""

    def __init__(self):
        self.name, self.priority, self.enabled = "greenlet", 90, True
        gdb.frame_filters[self.name] = self

    def filter(self, decorated):
        held = []
        for each in decorated:
            frame = each.inferior_frame()
            if View.hangs_on(frame):
                continue
            if is_trampoline(frame):
                held = []
                yield Base(each)
                if View.shown is not None:
                    return
            elif kernel_frames.value:
                yield each
            elif is_kernel(frame):
                held = []
            elif LIBRARY.match(frame.name() or ""):
                held.append(each)
            else:
                yield from held
                held = []
                yield each
        yield from held


Filter()


# Commands


def table(rows):
    widths = [max(len(str(row[column])) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(str(cell).ljust(width) for cell, width in zip(row, widths)).rstrip())


class Command(gdb.Command):
    """A command that begins with a fresh look at the program."""

    def __init__(self, name, kind=gdb.COMMAND_STATUS, prefix=False):
        super().__init__(name, kind, gdb.COMPLETE_NONE, prefix)

    def invoke(self, argument, _tty):
        Memory.forget()
        self.run(argument.strip())


class InfoGreenlets(Command):
    """List the greenlets of every tree that is entered, in the order of creation: `info greenlets [-q]`.

    A line each: id, name, state, parent, bytes of the stack in use and of all, references, what it waits in, and where. `*` is the
    one that runs, `>` the one that is looked at. With -q without the last two."""

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
                *(("", "") if argument == "-q" else Standing.of(g, every)),
            ))
        table([row[:7] for row in rows] if argument == "-q" else rows)


class LookAt(Command):
    """Look at the stack of a greenlet: `greenlet N`, by id or name. Without an argument: says which one is looked at.

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
        waits, _ = Standing.of(g, every)
        Core.select(g.core.thread)
        View.show(g)
        print(f"[{g} ({g.remarks}{', in ' + waits if waits else ''})]")
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
            waits, _ = Standing.of(g, every)
            print(f"\n{g} ({g.remarks}{', in ' + waits if waits else ''})")
            if g.has_frames:
                with g.core, View(g):
                    next(frames()).select()
                    gdb.execute(" ".join(words))


class Tree(Command):
    """Draw the tree of greenlets: parents, states, what each waits in, and where."""

    def run(self, _argument):
        every = all_greenlets()
        children = {}
        for g in every:
            children.setdefault(g.link, []).append(g)

        def draw(g, lead, branch):
            waits, where = Standing.of(g, every)
            print(f"{lead}{branch}{g} ({g.remarks}{', in ' + waits if waits else ''})  {where}".rstrip())
            lead += "" if not branch else "   " if branch.startswith("└") else "│  "
            below = children.get(g.address, [])
            for child in below:
                draw(child, lead, "└─ " if child is below[-1] else "├─ ")

        for g in every:
            if g.is_main:
                draw(g, "", "")


class Stacks(Command):
    """Draw how much of each stack is used: █ now, ▒ at most.

    The most is exact with the feature `high-water`. Without, the stack says what any greenlet on it used: it is zero elsewhere."""

    WIDTH = 40

    def run(self, _argument):
        rows = [("Id", "Name", "Size", "Now", "Deepest", "", "")]
        for g in all_greenlets():
            if g.is_main:
                continue
            now = g.used or 0
            deepest, by = g.deepest
            deepest = max(deepest, now)  # a frame may be reserved and not written to yet
            full, half = (min(self.WIDTH, -(-used * self.WIDTH // g.size)) for used in (now, deepest))
            bar = "█" * full + "▒" * (half - full) + "·" * (self.WIDTH - half)
            note = "" if by == "painted" else f" ({by})"
            rows.append((g.id, g.name, g.size, now or "-", f"{deepest}{note}", f"{deepest * 100 // g.size} %", bar))
        table(rows)


class Break(Command):
    """Break only in one greenlet: `greenlet break N LOCATION`, which is `break LOCATION if $greenlet() == N`."""

    def run(self, argument):
        who, _, where = argument.partition(" ")
        g = named(who, all_greenlets())
        gdb.Breakpoint(where.strip()).condition = f"$greenlet() == {g.id}"


class Next(Command):
    """Step over a line, with the switches in it: stops when this greenlet has come to another line, or in its parent if it is dead.

    Takes one hardware watchpoint: on the word where a greenlet that switches away stores its resume address."""

    def run(self, _argument):
        leave_view()
        me = next(g for g in all_greenlets() if g.runs)
        start = gdb.newest_frame()
        level, line = self.level(start), start.find_sal().line
        resume = Layout.here().block.at(me.address, "context.pc")
        leaves = in_c(lambda: gdb.Breakpoint(f"*(unsigned long *) {resume:#x}", gdb.BP_WATCHPOINT, gdb.WP_WRITE, True))
        leaves.silent = True
        try:
            while True:
                hits = leaves.hit_count
                quietly("next")
                Memory.forget()
                if not is_alive():
                    return
                # A stub may report the watchpoint that a step meets as a plain trap, so `current` is asked, too.
                left = leaves.hit_count != hits or all(core.current != me.address for core in cores())
                if left and not self.comes_back(me):
                    break
                frame = gdb.newest_frame()
                if not is_kernel(frame) and (self.level(frame) > level or frame.find_sal().line != line):
                    break
        finally:
            if is_alive() and leaves.is_valid():
                leaves.delete()
        show_frame()

    @staticmethod
    def level(frame):
        """The stack pointer of the caller of the function that the frame is inlined in: it tells calls of a function apart."""
        while frame.type() == gdb.INLINE_FRAME:
            frame = frame.older()
        return int((frame.older() or frame).read_register(Machine.here().sp))

    @staticmethod
    def comes_back(me):
        """Runs until the greenlet is resumed, or, if it is dead, until its parent is; returns whether the greenlet is."""
        Memory.forget()
        dead = Greenlet(me.address, me.core).flags & DEAD
        heir = Greenlet(me.link if dead else me.address, me.core)
        stop = gdb.Breakpoint(f"*{heir.pc:#x}", internal=True, temporary=True)
        stop.silent = True
        stop.condition = f"$greenlet() == {heir.id}"
        quietly("continue")
        Memory.forget()
        if dead:
            print(f"[{me} is dead; its parent goes on]")
        return is_alive() and not dead


def quietly(command):
    """Executes without a word about where the program stops, which GDB before 13 cannot do."""
    mute = "suppress-cli-notifications"
    try:
        kept = gdb.parameter(mute)
        gdb.execute(f"set {mute} on")
    except (RuntimeError, gdb.error):
        kept = None
    try:
        gdb.execute(command, to_string=True)
    finally:
        if kept is False:
            gdb.execute(f"set {mute} off")


def in_c(act):
    kept = gdb.parameter("language")
    gdb.execute("set language c", to_string=True)
    try:
        return act()
    finally:
        gdb.execute(f"set language {kept}", to_string=True)


def is_alive():
    thread = gdb.selected_thread()
    return thread is not None and thread.is_valid()


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
Next("greenlet next", gdb.COMMAND_RUNNING)
Id("greenlet")
