"""Constants of the crate, text, and reading the program's memory by the layouts of its debug information."""

import codecs
import re

import gdb

# The bits of `Block::flags`: src/records/flags.rs.
NO_BODY, DEAD, ENDED, LEAKED, PINNED, ABANDONED = 1, 2, 4, 8, 16, 64
# The word `Number::word`: the bits of the id, and requests beside it. See src/records/mail.rs.
NUMBER = (1 << 56) - 1
REQUESTS = ((1 << 63, "kill"), (1 << 62, "wake"))
# Bytes of a canary band, the constant word in it, and a byte of paint: src/records/band.rs, src/records/paint.rs.
BAND, KEY, PAINT = 64, 0x9E37_79B9_7F4A_7C15, 0x9E
# Bytes of a name and of a stack that are read at most: lengths may be overwritten. The alignment of a control block.
LONGEST, LARGEST, ALIGNMENT = 128, 1 << 24, 64
# Callers that are looked at to find who runs.
CALLERS = 64

KERNEL = re.compile(r"<?greenlet::(api|kernel|records|arch)::|<?greenlet_hub::")
LIBRARY = re.compile(r"<?(core|std|alloc)::|__rust_")


def printable(text):
    """`text` with escapes for what the host's character set, such as ASCII in the locale C, does not have."""
    charset = host_charset()
    return text.encode(charset, "backslashreplace").decode(charset)


def drawn(text, ascii):
    """`text`, or where the host's character set cannot show it, `ascii`, which is as long."""
    return text if printable(text) == text else ascii


def host_charset():
    # GDB before 12 has no function for it.
    name = gdb.host_charset() if hasattr(gdb, "host_charset") else "ascii"
    try:
        return codecs.lookup(name).name
    except LookupError:
        return "ascii"


def function_of(frame):
    """The name of the frame's function; "" without one."""
    try:
        return frame.name() or ""
    except UnicodeError:  # the host's character set does not have it
        return printable(str(frame.function()))


def line_of(frame):
    """File and line of the frame, in parentheses; "" if they are not known."""
    try:
        sal = frame.find_sal()
        return f" ({sal.symtab.filename.rsplit('/', 1)[-1]}:{sal.line})" if sal.symtab else ""
    except UnicodeError:
        return ""


class Memory:
    """Reads the program's memory by lines, and keeps them for one command, as a read over a gdbstub is a round trip."""

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
    def word(cls, address):
        return number(cls.read(address, Machine.here().word))


def exactly(address, size):
    if address + size > 1 << 64:
        raise gdb.MemoryError(f"Cannot access memory at address {address:#x}")
    return gdb.selected_inferior().read_memory(address, size).tobytes() if size else b""


def number(data):
    return int.from_bytes(data, "little")


class Struct:
    """A struct of the program, by name or type: offset and size of its fields, from DWARF.

    A field may be a path, such as `context.sp`."""

    def __init__(self, struct, *paths):
        name = struct if isinstance(struct, str) else struct.name
        try:
            struct = gdb.lookup_type(name) if struct is name else struct
        except gdb.error:
            raise gdb.GdbError(
                f"no type {name} here: load the program's symbols with `file`, "
                "build it with `debug = true` in its Cargo profile and without `strip`, "
                "and take `gdb/` of the same version of the crate"
            )
        self.size = struct.sizeof
        self.fields = {path: self.find(struct, name, path.split(".")) for path in paths}

    @staticmethod
    def find(struct, name, path):
        at = 0
        for step in path:
            field = next((field for field in struct.fields() if field.name == step), None)
            if field is None:
                path = ".".join(path)
                raise gdb.GdbError(
                    f"{name} has no field {path}: this script is of another version of the crate; "
                    "take `gdb/` of the version that the program is built with"
                )
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
        others = ["flags", "refs", "bounds.floor", "bounds.reach", "record", "body_or_pin", "next", "name"]
        # In two halves on 32-bit processors: src/records/narrow.rs.
        self.number = ["id.word"] if Machine.here().word == 8 else ["id.word.low", "id.word.high"]
        self.block = Struct("greenlet::records::block::Block", *context, *others, *self.number)
        self.core = Struct("greenlet::records::core_state::Core", "current", "main", "tree")
        text = Struct("&str", "data_ptr", "length")
        self.text, self.length = text.at(0, "data_ptr"), text.at(0, "length")

    @classmethod
    def here(cls):
        space = gdb.current_progspace().filename
        if space not in cls.known:
            cls.known[space] = cls()
        return cls.known[space]


def text(address):
    """The `&str` or `Option<&str>` at `address`; "" for none, "?" if it is overwritten."""
    layout = Layout.here()
    start, length = Memory.word(address + layout.text), Memory.word(address + layout.length)
    try:
        name = Memory.read(start, min(length, LONGEST)) if start else b""
    except gdb.MemoryError:
        return "?"
    return printable(re.sub("[\\x00-\\x1f\\x7f]", "?", name.decode("utf-8", "replace")))


class Machine:
    """What depends on the instruction set: bytes of a word, the registers of a `Context`, the instruction before the
    resume address of an `up`, which word of a canary band, counted from its upper end, a switch reads besides the
    highest, whether bit 0 of an address of code says that it is Thumb code, and how many bytes above the frame record
    the frame pointer points."""

    def __init__(self, word, registers, mark, lower_canary=None, is_thumb=False, frame_above=0):
        self.word, self.mark, self.is_thumb, self.frame_above = word, mark, is_thumb, frame_above
        self.sp, self.pc, self.frame, self.reserved = registers
        self.lower_canary = lower_canary or BAND // word

    def register(self, frame, name):
        """The value of a frame's register, of which GDB takes some for signed."""
        return int(frame.read_register(name)) & (1 << 8 * self.word) - 1

    def code(self, address):
        """The address of an instruction."""
        return address & ~1 if self.is_thumb else address

    @staticmethod
    def here():
        name = gdb.selected_inferior().architecture().name()
        if "aarch64" in name:
            return Machine(8, ("sp", "pc", "x29", "x19"), 0xD2800002.to_bytes(4, "little"), lower_canary=2)
        if "x86-64" in name:
            return Machine(8, ("rsp", "rip", "rbp", "rbx"), b"\xcc")
        if name.startswith("riscv"):
            # The upper half of `ebreak` in four bytes.
            word = 4 if "rv32" in name else 8
            return Machine(word, ("sp", "pc", "fp", "s1"), b"\x10\0", frame_above=2 * word)
        if name.startswith("arm"):
            return Machine(4, ("sp", "pc", "r7", "r6"), 0xDE67.to_bytes(2, "little"), is_thumb=True)
        raise gdb.GdbError(f"the script does not know the stack switch of {name}")
