//! The rules of joins and scopes, and the report.

use crate::simulated::log::{End, hash};
use crate::simulated::program::Whose;
use crate::simulated::real::NAMES;
use crate::simulated::state::{Flow, Handle, Life, MAIN, Outcome, ROOM_LIST, Simulation, Slot, Wait};

/// Joins, scopes and selects.
impl<'p> Simulation<'p> {
    pub(crate) fn whose(&self, whose: Whose) -> Option<usize> {
        let there: Vec<_> = (0..self.handles.len()).filter(|&index| self.handles[index].is_some()).collect();
        there.get(usize::from(whose) % there.len().max(1)).copied()
    }

    pub(crate) fn with_handle(&mut self, whose: Whose, each: impl FnOnce(&mut Self, Handle)) -> u32 {
        let Some(handle) = self.whose(whose).and_then(|index| self.handles[index]) else { return 0 };
        each(self, handle);
        1
    }

    pub(crate) fn take_handle(&mut self, whose: Whose) -> Option<(usize, Handle)> {
        let index = self.whose(whose)?;
        self.handles[index].take().map(|handle| (index, handle))
    }

    pub(crate) fn join(&mut self, slot: Slot, whose: Whose) -> Flow<'p> {
        let Some((_, handle)) = self.take_handle(whose) else { return Flow::Done(Ok(0)) };
        if let Wait::Result(outcome) = self.tasks[handle.slot].wait
            && self.tasks[handle.slot].life == Life::Over
        {
            // Its end comes first, then this one goes on.
            self.tasks[handle.slot].life = Life::Detached;
            self.unready(slot);
            self.unready(handle.slot);
            self.set_level(handle.slot, self.tasks[handle.slot].level.max(self.tasks[slot].level));
            self.prepend(slot);
            self.prepend(handle.slot);
            return Flow::Waits(Wait::Turn(Ok(result(Some(outcome)))));
        }
        match self.check_seen(slot) {
            Ok(()) => {
                self.tasks[handle.slot].joiner = Some((slot, None));
                Flow::Waits(Wait::Join(handle))
            }
            Err(stop) => {
                self.drop_handle(handle);
                Flow::Done(Err(stop))
            }
        }
    }

    /// The body of a scope is over.
    pub(crate) fn await_children(&mut self, slot: Slot, scope: usize, outcome: Outcome) -> Flow<'p> {
        let waits = !self.scopes[scope].closing && !self.scopes[scope].children.is_empty();
        match outcome {
            Ok(_) if waits => match self.check_seen(slot) {
                Ok(()) => Flow::Waits(Wait::Children(scope)),
                Err(stop) => self.close_scope(slot, scope, Err(stop), false),
            },
            outcome => self.close_scope(slot, scope, outcome, false),
        }
    }

    pub(crate) fn close_scope(&mut self, slot: Slot, scope: usize, outcome: Outcome, hopeless: bool) -> Flow<'p> {
        let _ = slot;
        if !self.scopes[scope].children.is_empty() {
            self.kill_children(scope);
            return Flow::Waits(Wait::Closing(scope, outcome, hopeless));
        }
        Flow::Done(match (outcome, self.scopes[scope].failed) {
            (Ok(_), Some(stop)) => Err(stop),
            (outcome, _) => outcome,
        })
    }

    /// The row of a report.
    pub(crate) fn row(&self, slot: Slot) -> String {
        let task = &self.tasks[slot];
        if task.life == Life::Free {
            return String::new();
        }
        let name = |slot: Slot| match &self.tasks[slot] {
            _ if slot == MAIN => "main",
            task if task.scope.is_some() => "?",
            task => task.script.map_or("?", |script| NAMES[script]),
        };
        let list = |list: usize| if list == ROOM_LIST { "room".into() } else { format!("line{list}") };
        let what = match &task.wait {
            _ if !task.shown => "is ready".into(),
            Wait::Sleep(_) => "sleeps".into(),
            Wait::Send(at, _) => format!("waits to send to {}", list(*at)),
            Wait::Receive(at) => format!("waits to receive from {}", list(*at)),
            Wait::Lock(lock, ..) => {
                format!("waits for the lock lock{lock}, which {} has", self.holders[*lock].map_or("?", name))
            }
            Wait::Set => "waits for the event event".into(),
            Wait::Permit(_) => "waits for a permit of permits".into(),
            Wait::Condition(_) => "waits for the condition condition".into(),
            Wait::Join(handle) => format!("waits for the end of {}", name(handle.slot)),
            Wait::Children(_) | Wait::Closing(..) => "waits for its children to end".into(),
            Wait::Select(_) => "waits in a select".into(),
            Wait::Result(_) => "has ended, its result was not taken".into(),
            Wait::Signal => "waits for the signal bell".into(),
            Wait::Mail => "waits to receive from mail".into(),
            Wait::Park => "is parked".into(),
            _ => "is ready".into(),
        };
        format!("  {:<10} {what}\n", name(slot))
    }
}

/// The outcome of a join that has completed.
pub(crate) fn result(outcome: Option<Outcome>) -> u32 {
    outcome.unwrap_or(Err(End::Killed)).unwrap_or_else(|stop| hash(&format!("{stop:?}")))
}
