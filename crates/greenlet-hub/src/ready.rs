//! The ready queue: a ring per level of the slots of tasks ([`crate::slot`]), in the order of their wakes.
//!
//! For each ring the last slot is recorded. Its `next` is the first one, so both ends are reached in constant time.

use crate::slot::SlotRef;
use core::cell::Cell;

/// How many levels there are: 0 to 3. Every level is one of them; `% LEVELS` only spares the check of an index.
pub(crate) const LEVELS: u8 = 4;

pub(crate) struct Ready {
    /// A bit per level above 0 that has a slot. Most programs use level 0 alone: that the others are empty is then one
    /// load.
    higher: Cell<u32>,
    last: [Cell<Option<SlotRef>>; LEVELS as usize],
}

impl Ready {
    pub(crate) const fn new() -> Self {
        Self { higher: Cell::new(0), last: [const { Cell::new(None) }; LEVELS as usize] }
    }

    /// Empties the queue. The caller resets the links of the slots.
    pub(crate) fn clear(&self) {
        self.higher.set(0);
        self.last.iter().for_each(|last| last.set(None));
    }

    /// Puts a slot at the end of its level, unless it is queued already.
    #[inline]
    pub(crate) fn append(&self, slot: SlotRef) {
        if slot.base().next.get().is_none() {
            let last = self.insert(slot);
            last.set(Some(slot));
            slot.note_ready();
        }
    }

    /// Returns `true` if no level above 0 has a slot.
    #[inline(always)]
    pub(crate) fn has_only_level_0(&self) -> bool {
        self.higher.get() == 0
    }

    /// Puts a slot of level 0 that is not queued at the end of its level, and takes out the first one there: itself, if
    /// that was empty.
    #[inline(always)]
    pub(crate) fn rotate(&self, slot: SlotRef) -> SlotRef {
        let Some(first) = self.last[0].get().and_then(|last| last.base().next.replace(Some(slot))) else { return slot };
        // If it was the only one, its `next` is `slot` by now.
        slot.base().next.set(first.base().next.take());
        self.last[0].set(Some(slot));
        first
    }

    /// Puts a slot at the head of its level, unless it is queued already.
    #[inline(never)]
    pub(crate) fn prepend(&self, slot: SlotRef) {
        if slot.base().next.get().is_none() {
            let last = self.insert(slot);
            if last.get().is_none() {
                last.set(Some(slot));
            }
            slot.note_ready();
        }
    }

    /// Links the slot between the last one and the first one of its level.
    #[inline(always)]
    fn insert(&self, slot: SlotRef) -> &Cell<Option<SlotRef>> {
        let level = slot.base().level.get();
        let ring = if level == 0 { &self.last[0] } else { self.higher_ring(level) };
        slot.base().next.set(match ring.get() {
            Some(last) => last.base().next.replace(Some(slot)),
            None => Some(slot),
        });
        ring
    }

    /// Returns the ring of a level above 0, which is about to have a slot.
    #[cold]
    fn higher_ring(&self, level: u8) -> &Cell<Option<SlotRef>> {
        let level = level % LEVELS;
        self.higher.set(self.higher.get() | 1 << level);
        &self.last[usize::from(level)]
    }

    /// Takes out the first slot of the highest level.
    #[inline]
    pub(crate) fn pop(&self) -> Option<SlotRef> {
        if self.has_only_level_0() { self.pop_level_0() } else { self.pop_higher() }
    }

    #[cold]
    #[inline(never)]
    fn pop_higher(&self) -> Option<SlotRef> {
        let level = self.higher.get().checked_ilog2()? as u8 % LEVELS;
        let first = pop(&self.last[usize::from(level)]);
        self.note_empty(level);
        first
    }

    /// Takes out the first slot of level 0.
    #[inline(always)]
    pub(crate) fn pop_level_0(&self) -> Option<SlotRef> {
        pop(&self.last[0])
    }

    /// After a slot of the level was taken out.
    fn note_empty(&self, level: u8) {
        if self.last[usize::from(level)].get().is_none() {
            self.higher.set(self.higher.get() & !(1 << level));
        }
    }

    /// Takes a slot out, wherever it is. The time grows with the number of queued slots of its level.
    pub(crate) fn remove(&self, slot: SlotRef) {
        let level = slot.base().level.get() % LEVELS;
        let ring = &self.last[usize::from(level)];
        let (Some(next), Some(last)) = (slot.base().next.get(), ring.get()) else { return };
        let mut before = last;
        while let Some(at) = before.base().next.get().filter(|&at| at != slot) {
            if at == last {
                return;
            }
            before = at;
        }
        slot.base().next.set(None);
        if before == slot {
            ring.set(None);
            self.note_empty(level);
            return;
        }
        before.base().next.set(Some(next));
        if last == slot {
            ring.set(Some(before));
        }
    }

    /// Changes the level of a slot. A queued slot goes to the end of the new level.
    pub(crate) fn set_level(&self, slot: SlotRef, level: u8) {
        if slot.base().level.get() == level {
            return;
        }
        let queued = slot.base().next.get().is_some();
        if queued {
            self.remove(slot);
        }
        slot.base().level.set(level);
        if queued {
            self.append(slot);
        }
    }
}

/// Takes out the first slot of a ring.
#[inline(always)]
fn pop(ring: &Cell<Option<SlotRef>>) -> Option<SlotRef> {
    let last = ring.get()?;
    let first = last.base().next.get()?;
    let second = first.base().next.take();
    if first == last {
        ring.set(None);
    } else {
        last.base().next.set(second);
    }
    Some(first)
}
