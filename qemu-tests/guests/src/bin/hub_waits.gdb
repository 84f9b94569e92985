# What a debugger shows of the tasks of a hub, with gdb/greenlet.py: the transcript is hub_waits.gdb.out.
hbreak look_here
continue
info greenlets
greenlet tree
greenlet second
bt
