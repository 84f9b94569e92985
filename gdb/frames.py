"""Frames of a greenlet that does not run, what it waits in, and backtraces."""

import re

import gdb
import gdb.unwinder
from gdb.FrameDecorator import FrameDecorator


class View(gdb.unwinder.Unwinder):
    """Makes the place where a greenlet is suspended the caller of the innermost frame.

    So no register is changed that would have to be restored, and GDB shows frames, variables and registers of that
    stack as of any other. The registers that a `Context` does not have are dead at a switch, or saved in the frames.
    `with View(g):` shows `g` within a block; `View(None)`, the processor.
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
        return machine.register(frame, machine.sp), machine.register(frame, machine.pc)

    def __call__(self, frame):
        g = View.shown
        if g is None or View.place(frame, g.core.machine) != View.hook:
            return None
        machine = g.core.machine
        # Stack address 0: no caller is "inner" to this frame, wherever its stack lies.
        word = frame.read_register(machine.sp).type
        identity = getattr(gdb.unwinder, "FrameId", FrameId)(gdb.Value(0).cast(word), frame.read_register(machine.pc))
        info = frame.create_unwind_info(identity)
        registers = (machine.sp, g.sp), (machine.pc, g.pc), (machine.frame, g.frame), (machine.reserved, g.reserved)
        for register, value in registers:
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
    """The stack and code address of a frame, for GDB before 14, which has no class for them."""

    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


def is_kernel(frame):
    return bool(KERNEL.match(function_of(frame)))


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
        frame = caller(frame)
    while frame is not None and frame.is_valid() and not is_trampoline(frame):
        yield frame
        frame = caller(frame)


def caller(frame):
    """The next outer frame; None where a walk ends, also for memory that cannot be read."""
    try:
        return frame.older()
    except gdb.error:
        return None


OVERWRITTEN = "no frames can be read: its context is overwritten"


def show_frame():
    """Selects the innermost frame that is not the crate's, and shows it."""
    every = list(frames())
    if not every:
        View.show(None)
        raise gdb.GdbError(OVERWRITTEN)
    next((frame for frame in every if not is_kernel(frame)), every[0]).select()
    gdb.execute("frame")


class Position:
    """What a greenlet waits in, and where in the program's own code: found by a walk along its stack.

    A greenlet with the same resume address, and the same return addresses at the same places of its stack, has the same
    position and needs no walk. That holds for most of thousands of greenlets, and a walk takes a millisecond.
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
        try:
            return cls.in_frames(g, every)
        except gdb.error:  # its context or its stack is overwritten
            return "?", "?"

    @classmethod
    def in_frames(cls, g, every):
        with g.core:
            found = next((one for one in cls.known.get(g.pc, ()) if not g.runs and one.fits(g)), None) or cls(g)
            if g.runs:
                return "", found.where
            waits = g.core.tasks.waits(g, every)
            if waits is not None:
                return waits, found.where
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
                if not is_kernel(frame) and not LIBRARY.match(function_of(frame)):
                    self.where = short(function_of(frame) or "?") + line_of(frame)
                    below = g.core.machine.register(frame, g.core.machine.sp)
                    break
                # Of one that enters its body or leaves it, and of a body whose last call is a jump: that body.
                name = function_of(frame)
                if name and (self.where == "?" or BODY.search(name)):
                    self.where = body_of(name) or short(name) + line_of(frame)
                if "transfer::slow::" in function_of(frame):
                    self.kind = "throw, kill or traced switch"
                older = frame.older()
                if frame.type() != gdb.INLINE_FRAME and older is not None:
                    returns.append(older.pc())
        self.returns = None
        if below is not None and not g.runs and 0 <= below - g.sp <= 4096:
            data = exactly(g.sp, below - g.sp)
            size = g.core.machine.word
            words = [number(data[at : at + size]) for at in range(0, len(data), size)]
            if g.core.machine.is_thumb:
                returns = [address | 1 for address in returns]  # as they are stored
            if all(address in words for address in returns):
                self.returns = [(words.index(address) * size, address) for address in returns]
                Position.known.setdefault(g.pc, []).append(self)

    def fits(self, g):
        return all(Memory.word(g.sp + at) == address for at, address in self.returns)

    @staticmethod
    def target(g, every):
        """To which greenlet it switched: the parameter of the inlined function that switches."""
        with View(g):
            for frame in frames():
                if short(function_of(frame)).endswith("transfer::switch"):
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


BODY = re.compile("::life::(run_body|entry)<(.*)>$")


def body_of(name):
    """The body for which the crate's function `name` is compiled: its last generic argument, if that is a closure."""
    found = BODY.search(name)
    body = found and re.search(r"[^ ,<>]*\{closure_env#[0-9]+\}(?=(<.*>)?$)", found[2])
    return body and body[0].replace("{closure_env#", "{closure#")


def reset(_event=None):
    """Forgets what depends on the program's code, which may have changed."""
    for cache in (Layout.known, Position.known, _trampolines, Memory.lines):
        cache.clear()


def leave_view(_event=None):
    Memory.forget()
    if View.shown is not None:
        View.show(None)


gdb.unwinder.register_unwinder(None, View(), replace=True)
gdb.events.cont.connect(leave_view)
gdb.events.new_objfile.connect(reset)


# Backtraces


class Printable(FrameDecorator):
    """A frame whose function may have a name that GDB would fail to print: the host's character set lacks letters."""

    def function(self):
        name = super().function()
        if not isinstance(name, str):  # without debug information, an address, which may be behind the function
            name = function_of(self.inferior_frame()) or name
        return printable(name) if isinstance(name, str) else name

    def filename(self):
        try:
            return printable(super().filename() or "") or None
        except UnicodeError:
            return None


class Base(FrameDecorator):
    """The trampoline: shown as the base of a greenlet's stack."""

    def function(self):
        frame = self.inferior_frame()
        try:
            core = next(iter(cores()))
            record = core.machine.register(frame, core.machine.frame) - core.machine.frame_above
            g = Greenlet(record - Layout.here().block.at(0, "record"), core)
            parent = Greenlet.at(g.link, core) if g.link else None
            return f"[base of {g}; its parent is {parent}]" if parent else f"[base of {g}]"
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
    """Leaves out the crate's frames, and those of the standard library between them.

    Ends at the base of a stack that does not run: the saved context of its parent is out of date if the parent runs."""

    def __init__(self):
        self.name, self.priority, self.enabled = "greenlet", 90, True
        gdb.frame_filters[self.name] = self

    def filter(self, decorated):
        held = []
        for each in map(Printable, decorated):
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
            elif LIBRARY.match(function_of(frame)):
                held.append(each)
            else:
                yield from held
                held = []
                yield each
        yield from held


Filter()
