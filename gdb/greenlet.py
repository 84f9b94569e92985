"""Commands for greenlets in GDB: `info greenlets`, `greenlet` with its subcommands, and the function `$greenlet()`.

They read memory and DWARF, and write neither memory nor registers. So they work on a process, over a gdbstub, and on a
core file. The program needs DWARF types: `debug = true` in its Cargo profile. All layouts come from there; `Layout`
names the fields.

The files of `PARTS` are one program, in this order and in one module, `greenlet_gdb`. GDB loads their text from the ELF file, where
build/debugger.rs has put it, or by this file: `gdb -x gdb/greenlet.py`.
"""

import os
import sys
import types

PARTS = ("memory.py", "records.py", "tasks.py", "frames.py", "commands.py", "step.py")
module = sys.modules.setdefault("greenlet_gdb", types.ModuleType("greenlet_gdb"))

for part in PARTS:
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), part)
    with open(path, encoding="utf-8") as file:
        exec(compile(file.read(), path, "exec"), module.__dict__)
