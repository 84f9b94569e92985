"""`greenlet next`."""

import gdb


class Next(Command):
    """Step over a line, with the switches in it.

    Stops when this greenlet has come to another line, or in its parent if it is dead. Takes one hardware watchpoint, on
    the word where a greenlet that switches away stores its resume address."""

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
                # A stub may report the watchpoint that a step meets as a plain trap, so `current` is compared, too.
                left = leaves.hit_count != hits or all(core.current != me.address for core in cores())
                if left and not self.comes_back(me):
                    break
                frame = gdb.newest_frame()
                # A function without lines is one that LLVM made of parts of others.
                has_line = frame.find_sal().line or not line
                if has_line and not is_kernel(frame) and (self.level(frame) > level or frame.find_sal().line != line):
                    break
        finally:
            if is_alive() and leaves.is_valid():
                leaves.delete()
        show_frame()

    @staticmethod
    def level(frame):
        """The stack pointer of the caller of the function that the frame is inlined in, which differs between calls."""
        while frame.type() == gdb.INLINE_FRAME:
            frame = frame.older()
        return Machine.here().register(frame.older() or frame, Machine.here().sp)

    @staticmethod
    def comes_back(me):
        """Runs until the greenlet is resumed, or its parent if it is dead. Returns whether the greenlet is resumed."""
        Memory.forget()
        dead = Greenlet(me.address, me.core).flags & DEAD
        heir = Greenlet(me.link if dead else me.address, me.core)
        stop = gdb.Breakpoint(f"*{heir.pc:#x}", internal=True, temporary=True)
        stop.silent = True
        stop.condition = f"$greenlet() == {heir.id}"
        quietly("continue")
        Memory.forget()
        if dead:
            print(f"[{me} is dead; its parent continues]")
        return is_alive() and not dead


def quietly(command):
    """Executes a command without the message about where the program stops, as far as GDB can: from 13 on."""
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


Next("greenlet next", gdb.COMMAND_RUNNING)
