//! What the tasks of a hub wait for, in the words of the hub's report: crates/greenlet-hub, as debug information has
//! it.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};

use super::types::{Type, Types};
use super::{Greenlet, Program, text, word};
use crate::stub::Stub;

/// 1 of the generation in the word of a `Bell`: crates/greenlet-hub/src/wakes/bell.rs.
const GENERATION: u64 = 1 << 3;

/// A field: where it is in its structure, and its bytes.
type Field = (u64, usize);

/// Where the fields are.
pub(super) struct Layout {
    hubs: Vec<Hub>,
    // Of a slot.
    bell: Field,
    life: Field,
    what: Field,
    next: Field,
    handle: Field,
    // Of a `What`.
    kind: Field,
    name: u64,
    object: Field,
    kinds: Vec<(u64, String)>,
    lives: Vec<(u64, String)>,
    // Of a `Held`, whose `Option<Holder>` begins with the `Holder`.
    holder_slot: Field,
    holder_generation: Field,
}

/// A hub that is a static.
struct Hub {
    address: u64,
    size: u64,
    main: u64,
    slots: u64,
    slot: u64,
    count: u64,
}

/// The tasks of a hub: the slots, by the addresses of their greenlets.
#[derive(Debug, Default)]
pub struct Tasks {
    slots: BTreeMap<u64, u64>,
}

impl Layout {
    /// `None` for a program without a hub, or with one that has other fields.
    pub(super) fn of(types: &Types) -> Result<Option<Self>> {
        let mut hubs = Vec::new();
        let mut slot_type = None;
        for (address, its) in types.statics("Hub<")? {
            let Some((main, _)) = its.field("state.main")? else { continue };
            let Some((slots, array)) = its.field("slots")? else { continue };
            let (Some(size), Some((element, count))) = (its.size()?, array.elements()?) else { continue };
            let Some(slot) = element.size()? else { continue };
            slot_type = Some(element);
            hubs.push(Hub { address, size, main: address + main, slots: address + slots, slot, count });
        }
        let Some(slot) = slot_type else { return Ok(None) };
        Self::fields(types, slot, hubs)
    }

    fn fields(types: &Types, slot: Type<'_>, hubs: Vec<Hub>) -> Result<Option<Self>> {
        let structures = (types.with_field("What", "object")?, types.with_field("Held", "holder")?);
        let (Some(what), held) = structures else { return Ok(None) };
        let holder = types.with_field("Holder", "generation")?;
        let get = |of: Type<'_>, path: &str| -> Result<Option<Field>> {
            let Some((at, its)) = of.field(path)? else { return Ok(None) };
            Ok(its.size()?.map(|size| (at, size as usize)))
        };
        let (Some((_, kinds)), Some((_, lives)), Some((name, _))) =
            (what.field("kind")?, slot.field("base.life.value.value")?, what.field("name")?)
        else {
            return Ok(None);
        };
        let of_slot = ["base.bell.word", "base.life", "base.what", "base.next", "handle"].map(|path| get(slot, path));
        let [Ok(Some(bell)), Ok(Some(life)), Ok(Some(what_at)), Ok(Some(next)), Ok(Some(handle))] = of_slot else {
            return Ok(None);
        };
        let (Some(kind), Some(object)) = (get(what, "kind")?, get(what, "object")?) else { return Ok(None) };
        // A program without a mutex has neither.
        let (mut holder_slot, mut holder_generation) = ((0, 0), (0, 0));
        if let (Some(held), Some(holder)) = (held, holder)
            && let (Some((at, _)), Some(slot), Some(generation)) =
                (held.field("holder")?, get(holder, "slot")?, get(holder, "generation")?)
        {
            (holder_slot, holder_generation) = ((at + slot.0, slot.1), (at + generation.0, generation.1));
        }
        let (kinds, lives) = (kinds.variants()?, lives.variants()?);
        let what = what_at;
        Ok(Some(Self {
            hubs,
            bell,
            life,
            what,
            next,
            handle,
            kind,
            name,
            object,
            kinds,
            lives,
            holder_slot,
            holder_generation,
        }))
    }
}

impl Program {
    /// The tasks of the hub whose tree a core has entered; none if it is no hub's.
    ///
    /// # Errors
    ///
    /// When there is no memory.
    pub fn tasks(&self, stub: &mut Stub, core: usize) -> Result<Tasks> {
        let mut tasks = Tasks::default();
        let (Some(layout), Some(record)) = (&self.tasks, self.records.get(core)) else { return Ok(tasks) };
        let tree = self.word(&stub.memory(record + self.layout.tree, self.isa.word)?, 0)?;
        let Some(hub) = layout.hubs.iter().find(|hub| (hub.address..hub.address + hub.size).contains(&tree)) else {
            return Ok(tasks);
        };
        for slot in (0..hub.count).map(|index| hub.slots + index * hub.slot) {
            let greenlet = field(stub, slot, layout.handle)?;
            if greenlet != 0 {
                tasks.slots.insert(greenlet, slot);
            }
        }
        let main = self.word(&stub.memory(record + self.layout.main, self.isa.word)?, 0)?;
        tasks.slots.insert(main, hub.main);
        Ok(tasks)
    }

    /// What a greenlet waits for; `None` if it is no task, or not suspended by the hub.
    ///
    /// # Errors
    ///
    /// When there is no memory.
    pub fn waits(
        &self,
        stub: &mut Stub,
        tasks: &Tasks,
        greenlet: &Greenlet,
        every: &[Greenlet],
    ) -> Result<Option<String>> {
        let (Some(layout), Some(&slot)) = (&self.tasks, tasks.slots.get(&greenlet.address)) else { return Ok(None) };
        let what = field(stub, slot, layout.what)?;
        if what == 0 {
            return Ok((field(stub, slot, layout.next)? != 0).then(|| "is ready".to_owned()));
        }
        let kind = called(&layout.kinds, field(stub, what, layout.kind)?);
        let name = text(stub, what + layout.name, self.isa.word)?;
        let mut said = match (words(kind), &name) {
            (_, Some(_)) if kind == "Future" => "waits for".to_owned(),
            (words, _) => words.to_owned(),
        };
        if let Some(name) = name.or_else(|| is_for_an_object(kind).then(|| "?".to_owned())) {
            said += &format!(" {name}");
        }
        let object = field(stub, what, layout.object)?;
        if kind == "Join" {
            said += &format!(" {}", tasks.name(object, every));
        }
        if kind == "Lock" && layout.holder_slot.1 > 0 {
            said += &format!(", which {} has", self.holder(stub, layout, tasks, object, every)?);
        }
        Ok(Some(said))
    }

    /// The task that holds a lock; `?` if that has ended, and perhaps another task has its slot.
    fn holder(&self, stub: &mut Stub, layout: &Layout, tasks: &Tasks, held: u64, every: &[Greenlet]) -> Result<String> {
        let nobody = Ok("?".to_owned());
        let slot = field(stub, held, layout.holder_slot)?;
        if slot == 0 || field(stub, slot, layout.bell)? / GENERATION != field(stub, held, layout.holder_generation)? {
            return nobody;
        }
        // No code of such a task runs any more: `Holder::is_gone`, crates/greenlet-hub/src/mutex.rs.
        let is_gone = ["Over", "Failed"].contains(&called(&layout.lives, field(stub, slot, layout.life)?));
        if is_gone { nobody } else { Ok(tasks.name(slot, every)) }
    }
}

impl Tasks {
    /// The name of the task with this slot.
    fn name(&self, slot: u64, every: &[Greenlet]) -> String {
        let greenlet = self.slots.iter().find(|(_, its)| **its == slot).map(|(greenlet, _)| *greenlet);
        let found = every.iter().find(|one| Some(one.address) == greenlet);
        found.map_or("?".to_owned(), Greenlet::title)
    }
}

/// `Waiting::words`: crates/greenlet-hub/src/what.rs.
fn words(kind: &str) -> &str {
    match kind {
        "Time" => "sleeps",
        "Send" => "waits to send to",
        "Receive" | "Remote" => "waits to receive from",
        "Lock" => "waits for the lock",
        "Event" => "waits for the event",
        "Permit" => "waits for a permit of",
        "Condition" => "waits for the condition",
        "Join" => "waits for the end of",
        "Children" | "Closing" => "waits for its children to end",
        "Select" => "waits in a select",
        "Result" => "has ended, its result was not taken",
        "Signal" => "waits for the signal",
        "Future" => "waits for a future",
        "Wake" => "is parked",
        other => other,
    }
}

/// `Waiting::is_for_an_object`, in the same file.
fn is_for_an_object(kind: &str) -> bool {
    ["Send", "Receive", "Remote", "Lock", "Event", "Permit", "Condition", "Signal"].contains(&kind)
}

fn called(values: &[(u64, String)], value: u64) -> &str {
    values.iter().find(|(its, _)| *its == value).map_or("?", |(_, name)| name)
}

fn field(stub: &mut Stub, at: u64, (offset, size): Field) -> Result<u64> {
    word(&stub.memory(at + offset, size).context("the hub's memory")?, 0, size)
}
