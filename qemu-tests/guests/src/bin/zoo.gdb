# What a debugger shows of the guest `zoo`, with gdb/greenlet.py: the transcript is zoo.gdb.out.
hbreak look_here
continue
info greenlets
info greenlets -q
greenlet tree
greenlet apply all bt
greenlet parser
up
bt 2
greenlet
greenlet apply runner lexer bt 1
print $greenlet()
greenlet break runner look_here
info breakpoints
delete
hbreak zoo.rs:47
continue
delete
greenlet next
greenlet next
greenlet next
