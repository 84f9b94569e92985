//! The ready queue: a ring of slots per level, in the order of their wakes.
//!
//! For each ring the last slot is recorded. Its `next` is the first one, so both ends are reached in constant time.

use crate::slot::SlotRef;
use core::cell::Cell;

/// How many levels there are: 0 to 3.
pub(crate) const LEVELS: u8 = 4;

pub(crate) struct Ready {
    /// A bit for each level: whether it has a slot.
    levels: Cell<u32>,
    last: [Cell<Option<SlotRef>>; LEVELS as usize],
}

impl Ready {
    pub(crate) const fn new() -> Self {
        Self { levels: Cell::new(0), last: [const { Cell::new(None) }; LEVELS as usize] }
    }

    /// Empties the queue. The caller resets the links of the slots.
    pub(crate) fn clear(&self) {
        self.levels.set(0);
        self.last.iter().for_each(|last| last.set(None));
    }

    /// Puts a slot at the end of its level, unless it is queued already.
    #[inline]
    pub(crate) fn append(&self, slot: SlotRef) {
        if slot.base().next.get().is_none() {
            let last = self.insert(slot);
            last.set(Some(slot));
        }
    }

    /// Puts a slot at the head of its level, unless it is queued already.
    #[inline]
    pub(crate) fn prepend(&self, slot: SlotRef) {
        if slot.base().next.get().is_none() {
            let last = self.insert(slot);
            if last.get().is_none() {
                last.set(Some(slot));
            }
        }
    }

    /// Links the slot between the last one and the first one of its level.
    #[inline(always)]
    fn insert(&self, slot: SlotRef) -> &Cell<Option<SlotRef>> {
        let level = slot.base().level.get() % LEVELS;
        let last = &self.last[usize::from(level)];
        match last.get() {
            Some(last) => slot.base().next.set(last.base().next.replace(Some(slot))),
            None => {
                slot.base().next.set(Some(slot));
                self.levels.set(self.levels.get() | 1 << level);
            }
        }
        last
    }

    /// Takes out the first slot of the highest level.
    #[inline]
    pub(crate) fn pop(&self) -> Option<SlotRef> {
        let levels = self.levels.get();
        if levels == 0 {
            return None;
        }
        let level = levels.ilog2() % u32::from(LEVELS);
        let ring = &self.last[level as usize];
        let last = ring.get()?;
        let first = last.base().next.get()?;
        let second = first.base().next.take();
        if first == last {
            ring.set(None);
            self.levels.set(levels & !(1 << level));
        } else {
            last.base().next.set(second);
        }
        Some(first)
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
            self.levels.set(self.levels.get() & !(1 << level));
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
