//! The rules of locks and the levels that they lend.

use crate::simulated::log::End;
use crate::simulated::program::TASKS;
use crate::simulated::state::{CONDITION_LIST, Flow, Kind, LOCK_LIST, LockThen, Role, Simulation, Slot, Wait};

/// Locks.
impl<'p> Simulation<'p> {
    pub(crate) fn lock(&mut self, slot: Slot, lock: usize, notified: bool, then: LockThen<'p>) -> Flow<'p> {
        let refused = match self.check(slot) {
            Ok(()) if self.holders[lock].is_none() => return self.locked(slot, lock, then),
            Ok(()) if self.leads_to(lock, slot) => End::LockCycle,
            Ok(()) => {
                self.lend(lock, self.tasks[slot].level);
                return self.enlist(slot, LOCK_LIST + lock, Role::Receive, Wait::Lock(lock, notified, then));
            }
            Err(stop) => stop,
        };
        if notified {
            self.notify();
        }
        Flow::Done(Err(refused))
    }

    /// The task has the lock.
    pub(crate) fn locked(&mut self, slot: Slot, lock: usize, then: LockThen<'p>) -> Flow<'p> {
        self.holders[lock] = Some(slot);
        match then {
            LockThen::Steps(steps) => self.enter(slot, steps, Kind::Lock(lock)),
            LockThen::Condition(steps) => {
                let stopped = self.check(slot);
                self.unlock(lock);
                match stopped {
                    Ok(()) => self.enlist(slot, CONDITION_LIST, Role::Receive, Wait::Condition(steps)),
                    Err(stop) => Flow::Done(Err(stop)),
                }
            }
        }
    }

    /// The lock that a task waits for.
    pub(crate) fn waits_for(&self, slot: Slot) -> Option<usize> {
        match self.tasks[slot].wait {
            Wait::Lock(lock, ..) if self.tasks[slot].shown => Some(lock),
            _ => None,
        }
    }

    pub(crate) fn leads_to(&self, lock: usize, slot: Slot) -> bool {
        let mut next = Some(lock);
        while let Some(holder) = next.and_then(|lock| self.holders[lock]) {
            if holder == slot {
                return true;
            }
            next = self.waits_for(holder);
        }
        false
    }

    /// Lends a level to the holder, and to those that it waits for.
    pub(crate) fn lend(&mut self, lock: usize, level: usize) {
        let mut next = Some(lock);
        while let Some(holder) = next.and_then(|lock| self.holders[lock]) {
            if self.tasks[holder].level >= level {
                return;
            }
            self.set_level(holder, level);
            next = self.waits_for(holder);
        }
    }

    pub(crate) fn unlock(&mut self, lock: usize) {
        let before = self.holders[lock].take();
        if let Some((slot, arm)) = self.first(LOCK_LIST + lock, Role::Receive) {
            self.holders[lock] = Some(slot);
            let left = self.lists[LOCK_LIST + lock].iter().skip(1).map(|node| self.tasks[node.slot].level);
            if let Some(level) = left.max().filter(|&level| level > self.tasks[slot].level) {
                self.set_level(slot, level);
            }
            self.complete(slot, arm);
        }
        if let Some(before) = before.filter(|&slot| self.tasks[slot].level != self.tasks[slot].own_level) {
            let waits = |&slot: &Slot| self.waits_for(slot).is_some_and(|lock| self.holders[lock] == Some(before));
            let lent = (0..=TASKS).filter(waits).map(|slot| self.tasks[slot].level).max();
            self.set_level(before, lent.unwrap_or(0).max(self.tasks[before].own_level));
        }
    }
}
