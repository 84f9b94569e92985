//! How a task begins, runs its steps and ends.

use crate::simulated::log::{Audit, End, Entry};
use crate::simulated::program::{Step, TASKS};
use crate::simulated::state::{
    Flow, Frame, Handle, Kind, Life, MAIN, Message, Outcome, Role, Simulation, Slot, Task, Wait,
};

/// Tasks.
impl<'p> Simulation<'p> {
    pub(crate) fn spawn(&mut self, script: usize, level: u8, scope: Option<usize>) -> Outcome {
        self.numbers += 1;
        let number = self.numbers;
        if self.tasks[MAIN].life != Life::Detached {
            return Err(End::Over);
        }
        let slot = self.free.pop().ok_or(End::NoSlot)?;
        let before = &self.tasks[slot];
        let life = if scope.is_some() { Life::Child } else { Life::Joinable };
        let task = Task {
            generation: before.generation + 1,
            notified: before.notified,
            scope,
            ..Task::new(life, number, Some(script), level.into())
        };
        let handle = Handle { slot, generation: task.generation };
        self.tasks[slot] = task;
        self.append(slot);
        match scope {
            Some(scope) => self.scopes[scope].children.push(slot),
            None => {
                self.handles.push(Some(handle));
                self.remotes.push(handle);
            }
        }
        Ok(number)
    }

    pub(crate) fn is_over(&self, handle: Handle) -> bool {
        let task = &self.tasks[handle.slot];
        task.generation != handle.generation || task.life == Life::Over
    }

    pub(crate) fn drop_handle(&mut self, handle: Handle) {
        let task = &mut self.tasks[handle.slot];
        if task.generation != handle.generation {
            return;
        }
        task.joiner = None;
        if std::mem::replace(&mut task.life, Life::Detached) == Life::Over {
            self.append(handle.slot);
        }
    }

    /// The task is in no list any more.
    pub(crate) fn unlink(&mut self, slot: Slot) {
        self.lists.iter_mut().for_each(|list| list.retain(|node| node.slot != slot));
    }

    /// What it waits for has happened.
    pub(crate) fn mark_done(&mut self, slot: Slot, arm: usize) {
        self.unlink(slot);
        self.tasks[slot].done = Some(arm);
        self.tasks[slot].shown = false;
    }

    pub(crate) fn complete(&mut self, slot: Slot, arm: usize) {
        self.mark_done(slot, arm);
        self.append(slot);
    }

    pub(crate) fn begin_body(&mut self, slot: Slot) {
        let script = self.tasks[slot].script.unwrap_or_default();
        let steps = &self.program.scripts[script];
        self.tasks[slot].frames.push(Frame { steps, at: 0, kind: Kind::Body });
        self.run(slot, Flow::Next);
    }

    /// It is the turn of a task that waits.
    pub(crate) fn resume(&mut self, slot: Slot) {
        self.tasks[slot].shown = false;
        let wait = std::mem::replace(&mut self.tasks[slot].wait, Wait::Begin);
        let flow = match wait {
            Wait::Begin if self.tasks[slot].killed => self.end(slot, Err(End::Killed)),
            Wait::Begin => {
                if self.tasks[slot].scope.is_some() {
                    self.remotes.push(Handle { slot, generation: self.tasks[slot].generation });
                }
                return self.begin_body(slot);
            }
            wait => self.try_complete(slot, wait),
        };
        self.run(slot, flow);
    }

    /// Runs steps until the task waits or ends.
    pub(crate) fn run(&mut self, slot: Slot, mut flow: Flow<'p>) {
        loop {
            flow = match flow {
                Flow::Next => match self.tasks[slot].frames.last() {
                    Some(frame) if frame.at < frame.steps.len() => {
                        let steps: &'p [Step] = frame.steps;
                        let at = frame.at;
                        self.step(slot, &steps[at].op)
                    }
                    _ => self.leave(slot, Ok(0)),
                },
                Flow::Done(outcome) => {
                    self.say(slot, outcome);
                    let frame = self.tasks[slot].frames.last_mut().expect("a step is in a block");
                    match outcome {
                        Err(stop) if !frame.steps[frame.at].swallows => self.leave(slot, Err(stop)),
                        _ => {
                            frame.at += 1;
                            Flow::Next
                        }
                    }
                }
                Flow::Waits(wait) => {
                    self.tasks[slot].shown = !matches!(wait, Wait::Turn(_) | Wait::Yield(_));
                    self.tasks[slot].wait = wait;
                    return;
                }
                Flow::Ended => return,
            }
        }
    }

    pub(crate) fn say(&mut self, slot: Slot, outcome: Outcome) {
        let balance = |line: usize| {
            let count = |role| self.lists[line].iter().filter(|node| node.role == role).count().cast_signed();
            count(Role::Send) - count(Role::Receive)
        };
        let places = self.tasks.iter().flat_map(|task| &task.places);
        let values = places.filter(|place| matches!(place, Some(Message::Value(_)))).count() + self.room.len();
        let audit = Audit {
            balances: std::array::from_fn(balance),
            room: self.room.len(),
            is_set: self.set,
            free_stacks: self.free.len(),
            values: values as i64,
        };
        self.log.push(Entry { task: self.tasks[slot].number, now: self.now, outcome, audit });
    }

    /// The body of a task has ended, or never began.
    pub(crate) fn end(&mut self, slot: Slot, outcome: Outcome) -> Flow<'p> {
        if let Some(scope) = self.tasks[slot].scope {
            if let Err(stop) = outcome
                && !self.scopes[scope].closing
            {
                self.scopes[scope].failed = Some(stop);
                self.kill_children(scope);
            }
            self.scopes[scope].children.retain(|&child| child != slot);
            self.append(self.scopes[scope].parent);
            return self.die(slot);
        }
        if self.tasks[slot].life != Life::Joinable {
            return self.die(slot);
        }
        if let Some((joiner, arm)) = self.tasks[slot].joiner.take()
            && self.tasks[joiner].done.is_none()
        {
            self.complete(joiner, arm.unwrap_or_default());
            if arm.is_none() {
                self.tasks[joiner].joined = Some(outcome);
                return self.die(slot);
            }
        }
        self.tasks[slot].life = Life::Over;
        Flow::Waits(Wait::Result(outcome))
    }

    pub(crate) fn kill_children(&mut self, scope: usize) {
        self.scopes[scope].closing = true;
        for child in self.scopes[scope].children.clone().into_iter().rev() {
            self.tasks[child].killed = true;
            self.append(child);
        }
    }

    pub(crate) fn die(&mut self, slot: Slot) -> Flow<'p> {
        self.unready(slot);
        let before = &self.tasks[slot];
        self.tasks[slot] =
            Task { generation: before.generation + 1, notified: before.notified, ..Task::new(Life::Free, 0, None, 0) };
        self.free.push(slot);
        Flow::Ended
    }

    /// Main's closure has returned: the other tasks are killed.
    pub(crate) fn end_of_run(&mut self) -> Flow<'p> {
        self.tasks[MAIN].life = Life::Over;
        for slot in (0..TASKS).filter(|&slot| self.is_busy(slot)).collect::<Vec<_>>() {
            self.tasks[slot].killed = true;
            self.append(slot);
        }
        self.while_any(Wait::Busy)
    }

    pub(crate) fn is_busy(&self, slot: Slot) -> bool {
        !matches!(self.tasks[slot].life, Life::Free | Life::Over)
    }

    /// Main waits as long as there are such tasks, without a reason to stop.
    pub(crate) fn while_any(&mut self, wait: Wait<'p>) -> Flow<'p> {
        let main = &mut self.tasks[MAIN];
        main.shield = Some(0);
        (main.killed, main.thrown, main.deadlock) = (false, None, false);
        main.expired.clear();
        self.unready(MAIN);
        let busy = (0..TASKS).any(|slot| self.is_busy(slot));
        match wait {
            Wait::Busy if busy => Flow::Waits(wait),
            Wait::Busy => {
                for slot in (0..TASKS).filter(|&slot| self.tasks[slot].life == Life::Over).collect::<Vec<_>>() {
                    self.tasks[slot].life = Life::Detached;
                    self.append(slot);
                }
                self.while_any(Wait::Alive)
            }
            _ if self.free.len() < TASKS => Flow::Waits(wait),
            _ => {
                self.over = true;
                Flow::Ended
            }
        }
    }
}
