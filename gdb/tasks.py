"""What the tasks of crates/greenlet-hub wait for, in the words of the hub's report.

A program without that crate has no tasks."""

import re

import gdb

# 1 of the generation in the word of a `Bell`: crates/greenlet-hub/src/wakes/bell.rs.
GENERATION = 1 << 3
# No code of such a task runs any more: `Holder::is_gone`, crates/greenlet-hub/src/mutex.rs.
GONE = ("Over", "Failed")

# `Display` of `Waiting`: crates/greenlet-hub/src/what.rs.
WAITS = {
    "Time": "sleeps",
    "Send": "waits to send to",
    "Receive": "waits to receive from",
    "Remote": "waits to receive from",
    "Lock": "waits for the lock",
    "Event": "waits for the event",
    "Permit": "waits for a permit of",
    "Condition": "waits for the condition",
    "Join": "waits for the end of",
    "Children": "waits for its children to end",
    "Closing": "waits for its children to end",
    "Select": "waits in a select",
    "Result": "has ended, its result was not taken",
    "Signal": "waits for the signal",
    "Future": "waits for a future",
    "Wake": "is parked",
}
# `Waiting::is_for_an_object`.
OBJECTS = ("Send", "Receive", "Remote", "Lock", "Event", "Permit", "Condition", "Signal")


class Tasks:
    """The tasks of the hub whose tree a core has entered: the slots, by the addresses of their greenlets."""

    def __init__(self, core):
        self.core, self.slots = core, {}
        try:
            hub = self.hub(core.tree)
            if hub is not None:
                self.find(hub)
        except (gdb.error, gdb.GdbError, KeyError):
            # No types, or those of another version: the list of greenlets is useful without the tasks, too.
            self.slots = {}

    def find(self, hub):
        layout, state, self.what = Struct(hub.type, "state.main", "slots"), hub.type["state"].type, What()
        array = hub.type["slots"].type
        self.slot = Struct(state["main"].type, "base.bell.word", "base.life", "base.what", "base.next", "handle")
        first, size = layout.at(int(hub.address), "slots"), array.target().sizeof
        for at in range(first, first + array.sizeof, size):
            greenlet = self.slot.read(at)["handle"]
            if greenlet:
                self.slots[greenlet] = at
        self.slots[self.core.main] = layout.at(int(hub.address), "state.main")

    @staticmethod
    def hub(tree):
        """The static that contains the tree, if it is a hub."""
        symbol = gdb.execute(f"info symbol {tree:#x}", to_string=True)
        found = re.match(r"(.+?)(::h[0-9a-f]{16})?( \+ \d+)? in section ", symbol)
        value = static(found[1]) if found else None
        return value if value is not None and (value.type.name or "").startswith("greenlet_hub::hub::Hub<") else None

    def waits(self, g, every):
        """What a greenlet waits for; None if it is no task, or not suspended by the hub."""
        at = self.slots.get(g.address)
        if at is None:
            return None
        slot = self.slot.read(at)
        what = slot["base.what"]
        if what == 0:
            return "is ready" if slot["base.next"] else None
        kind, name, item = self.what.read(what)
        if kind in OBJECTS:
            name = name or "?"
        words = ["waits for" if kind == "Future" and name else WAITS.get(kind, kind)] + ([name] if name else [])
        if kind == "Join":
            words.append(self.name(item, every))
        if kind == "Lock":
            words[-1] += f", which {self.name(self.holding_slot(item), every)} has"
        return " ".join(words)

    def holding_slot(self, held):
        """The slot of the task that holds a lock; None if that has ended, and perhaps another task has its slot."""
        holder = self.what.holder_of(held)
        slot = self.slot.read(holder["slot"]) if holder["slot"] else None
        if slot is None or slot["base.bell.word"] // GENERATION != holder["generation"]:
            return None
        return None if self.what.lives.get(slot["base.life"]) in GONE else holder["slot"]

    def name(self, slot, every):
        """The name of the task with this slot."""
        greenlet = next((greenlet for greenlet, at in self.slots.items() if at == slot), None)
        g = next((g for g in every if g.address == greenlet), None)
        return g.name or str(g.id) if g else "?"


class What:
    """Reads a `What`: the kind of a wait, the name of what is waited for, and its address."""

    def __init__(self):
        self.struct = Struct("greenlet_hub::what::What", "kind", "name", "object")
        self.held = Struct("greenlet_hub::mutex::Held", "holder")
        self.holder = Struct("greenlet_hub::mutex::Holder", "slot", "generation")
        self.kinds = names("greenlet_hub::what::Waiting")
        self.lives = names("greenlet_hub::slot::Life")

    def read(self, at):
        fields = self.struct.read(at)
        return self.kinds.get(fields["kind"], "?"), text(self.struct.at(at, "name")), fields["object"]

    def holder_of(self, held):
        """The `Holder` of a lock. `Option<Holder>` begins with it; `None` has a null slot."""
        return self.holder.read(self.held.at(held, "holder"))


def names(enum):
    """The names of an enum's variants, by their values."""
    return {field.enumval: field.name.rsplit("::", 1)[-1] for field in gdb.lookup_type(enum).fields()}
