"""Greenlets, and the cores or threads that run them, read from the program's memory."""

import gdb


class Greenlet:
    """A snapshot of a control block."""

    def __init__(self, address, core):
        layout = Layout.here()
        fields = layout.block.read(address)
        self.address, self.core = address, core
        self.sp, self.pc, self.frame, self.reserved, self.link = (
            fields["context." + field] for field in ("sp", "pc", "frame", "reserved", "link")
        )
        self.pc = core.machine.code(self.pc)
        self.flags, self.refs, self.floor, self.body = (
            fields[field] for field in ("flags", "refs", "bounds.floor", "body_or_pin")
        )
        self.is_main = fields["bounds.reach"] == 0
        self.next = fields["next"]
        word = joined(*(fields[half] for half in layout.number))
        self.id = word & NUMBER
        self.requests = [name for bit, name in REQUESTS if word & bit]
        self.name = "main" if self.is_main else text(layout.block.at(address, "name"))
        self.limit, self.base = self.floor - BAND, address + layout.block.size

    @staticmethod
    def at(address, core):
        """The greenlet with this control block; None if there is no memory."""
        try:
            return Greenlet(address, core)
        except gdb.MemoryError:
            return None

    @property
    def has_place(self):
        """Whether its stack lies below its block, with at most 4 GiB. Else the block is none."""
        return self.is_main or 0 <= self.address - self.floor < 1 << 32

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
        sp = self.core.stack_pointer() if self.runs else self.sp
        on_stack = not self.is_main and not self.flags & DEAD and self.limit <= sp <= self.base
        return self.base - sp if on_stack else None

    @property
    def deepest(self):
        """The most bytes of the stack that were ever used, and what shows that."""
        if self.size > LARGEST:
            return self.size, "not read"
        try:
            data = Memory.read(self.floor, self.address - self.floor)
        except gdb.MemoryError:
            return self.size, "not readable"
        word = self.core.machine.word
        for byte, by in ((PAINT, "painted"), (0, "this stack")):
            clean = len(data) - len(data.lstrip(bytes([byte])))
            if clean >= word:
                return self.base - self.floor - clean // word * word, by
        return self.size, "never clean"

    @property
    def is_intact(self):
        """Whether the canary band is intact."""
        if self.is_main:
            return True
        size = self.core.machine.word
        words, bits = [self.floor] * (BAND // size), 8 * size
        key = KEY >> 64 - bits
        words[-1], words[-self.core.machine.lower_canary] = -(key + BAND + self.address) % (1 << bits), key
        try:
            return Memory.read(self.limit, BAND) == b"".join(word.to_bytes(size, "little") for word in words)
        except gdb.MemoryError:
            return False

    def __str__(self):
        return "main" if self.is_main else f'greenlet {self.id} "{self.name}"' if self.name else f"greenlet {self.id}"


class Core:
    """The record of a core, or of a thread with the feature `std`, and the GDB thread that is its processor."""

    def __init__(self, address, thread):
        fields = Layout.here().core.read(address)
        self.current, self.main, self.tree = fields["current"], fields["main"], fields["tree"]
        self.thread, self.machine, self.known_tasks, self.damage = thread, Machine.here(), None, None

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

    def stack_pointer(self):
        """That of the processor."""
        with self, View(None):
            return self.machine.register(gdb.newest_frame(), self.machine.sp)

    def running(self, found):
        """The address of the greenlet that runs: `current` changes some instructions before the stack does.

        It is the one whose stack has the stack pointer. If none has it, either main is about to switch, or a handler on
        its own stack interrupted `current`. Code of the crate tells, and else the callers: those of a handler are on the
        stack of `current`, those of main in the crate. At the end of a switch only the code does, as the frame pointer
        is that of the target already."""
        with self, View(None):
            frame, in_kernel = gdb.newest_frame(), False
            for depth in range(CALLERS):
                if frame is None:
                    break
                try:
                    sp = self.machine.register(frame, self.machine.sp)
                except gdb.error:
                    break
                here = next((g for g in found if not g.is_main and g.limit <= sp <= g.address), None)
                if here:
                    return here.address
                in_kernel = in_kernel or is_kernel(frame)
                if self.current == self.main or in_kernel and not depth:
                    return self.main
                frame = caller(frame)
        return self.main if in_kernel else self.current

    @property
    def tasks(self):
        if self.known_tasks is None:
            self.known_tasks = Tasks(self)
        return self.known_tasks

    def greenlets(self):
        """All greenlets of its tree, in the order of creation: the ring whose head is main.

        Of a ring that the program has overwritten, those before the `damage`."""
        found, at, seen = [], self.main, set()
        while not found or at != self.main:
            g = None if at % ALIGNMENT or at in seen else Greenlet.at(at, self)
            if g is None or g.is_main != (at == self.main) or not g.has_place:
                after = found[-1] if found else "the core's record"
                leads = "goes round without its head, by" if at in seen else "has no greenlet at"
                self.damage = f"the list of greenlets is overwritten: after {after} it {leads} {at:#x}"
                break
            seen.add(at)
            found.append(g)
            at = g.next
        if found:
            self.current = self.running(found)
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
    Layout.here()  # first, because its error names what is missing
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
    """The record of the selected thread: what `thread_local!` makes of `THREAD`.

    The names are those of std's macro, which may change. So several are tried, and the type decides."""
    for closure in range(4):
        for constant in ("constant", "const"):
            value = static(f"{state}THREAD::{{{constant}#0}}::{{closure#{closure}}}::__RUST_STD_INTERNAL_VAL")
            if value is not None and value.type.name == "greenlet::records::core_state::Core":
                return int(value.address)
    return None


def joined(low, high=None):
    """The word of an id: whole, or of two halves, with 24 bits of the id below the requests in the low one."""
    if high is None:
        return low
    lowest = (1 << 24) - 1
    return (low & ~lowest) << 32 | high << 24 | low & lowest


def all_greenlets():
    found = []
    for core in cores():
        found += core.greenlets()
        if core.damage and not found:
            raise gdb.GdbError(core.damage)
        if core.damage:
            print(core.damage)
    if not found:
        raise gdb.GdbError("no tree is entered: there are no greenlets")
    return found


def named(word, every):
    for g in every:
        if word in (str(g.id), g.name):
            return g
    raise gdb.GdbError(f"no greenlet {word}; `info greenlets` lists them by number and name")
