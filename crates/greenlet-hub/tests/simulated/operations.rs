//! The rules of each operation that is a line or two, and how a wait completes.

use crate::simulated::channels::received;
use crate::simulated::joins::result;
use crate::simulated::log::{End, hash};
use crate::simulated::program::{Interrupt, Op, Step, TASKS, TURN};
use crate::simulated::state::{
    CONDITION_LIST, EVENT_LIST, Flow, Frame, Kind, Life, LockThen, MAIN, Message, Node, Outcome, PERMIT_LIST,
    ROOM_LIST, Role, Scope, Simulation, Slot, Wait,
};

impl<'p> Simulation<'p> {
    pub(crate) fn step(&mut self, slot: Slot, op: &'p Op) -> Flow<'p> {
        let outcome = match op {
            Op::Work(time) => {
                self.pass_until(self.now + time);
                Ok(0)
            }
            Op::Yield => {
                if let Err(stop) = self.check_seen(slot) {
                    return Flow::Done(Err(stop));
                }
                self.append(slot);
                return Flow::Waits(Wait::Yield(0));
            }
            Op::Turns(count) => return self.turns_left(slot, *count),
            Op::Check => self.check(slot).map(|()| 0),
            Op::Sleep(time) => {
                let at = self.time(*time);
                if let Err(stop) = self.check_seen(slot) {
                    return Flow::Done(Err(stop));
                }
                return Flow::Waits(Wait::Sleep(self.start(at, slot, 0)));
            }
            Op::Park => return self.unless_stopped(slot, false, |_| Flow::Waits(Wait::Park)),
            Op::Wake(whose) => {
                self.handle(Interrupt::Wake(*whose));
                Ok(0)
            }
            Op::KillRemotely(whose) => Ok(self.kill_remotely(*whose).into()),
            Op::Kill(whose) => Ok(self.with_handle(*whose, |all, handle| {
                if !all.is_over(handle) {
                    all.tasks[handle.slot].killed = true;
                    all.append(handle.slot);
                }
            })),
            Op::Throw(whose) => Ok(self.with_handle(*whose, |all, handle| {
                let error = all.number();
                if !all.is_over(handle) {
                    all.tasks[handle.slot].thrown = Some(error);
                    all.append(handle.slot);
                }
            })),
            Op::Join(whose) => return self.join(slot, *whose),
            Op::Detach(whose) => Ok(match self.take_handle(*whose) {
                Some((_, handle)) => {
                    self.drop_handle(handle);
                    1
                }
                None => 0,
            }),
            Op::Report => Ok(hash(&(0..TASKS).map(|slot| self.row(slot)).collect::<String>())),
            Op::Send(line) => {
                let id = self.number();
                return self.send(slot, *line, Message::Value(id), id);
            }
            Op::SendError(line) => {
                let id = self.number();
                return self.send(slot, *line, Message::Error(id), id);
            }
            Op::TrySend(line) => {
                let id = self.number();
                Ok(self.give(*line, Message::Value(id)).is_some_and(|(receiver, arm)| {
                    self.complete(receiver, arm);
                    true
                }) as u32)
            }
            Op::Receive(line) => return self.receive(slot, *line),
            Op::TryReceive(line) => self.try_receive(*line).unwrap_or(Ok(0)),
            Op::Close(line) => self.close(*line),
            Op::CloseRoom => self.close(ROOM_LIST),
            Op::Put => {
                let id = self.number();
                return self.put(slot, id);
            }
            Op::TryPut => {
                let id = self.number();
                Ok(self.try_put(id).into())
            }
            Op::Take => {
                return self.unless_stopped(slot, true, |all| match all.try_take() {
                    Some(id) => Flow::Done(Ok(id)),
                    None if all.closed[ROOM_LIST] => Flow::Done(Err(End::Closed)),
                    None => all.enlist(slot, ROOM_LIST, Role::Receive, Wait::Receive(ROOM_LIST)),
                });
            }
            Op::TryTake => match self.try_take() {
                None if self.closed[ROOM_LIST] => Err(End::Closed),
                id => Ok(id.unwrap_or(0)),
            },
            Op::Set => {
                self.set = true;
                self.complete_all(EVENT_LIST);
                Ok(0)
            }
            Op::Clear => {
                self.set = false;
                Ok(0)
            }
            Op::WaitSet => {
                return self.unless_stopped(slot, true, |all| match all.set {
                    true => Flow::Done(Ok(0)),
                    false => all.enlist(slot, EVENT_LIST, Role::Receive, Wait::Set),
                });
            }
            Op::Raise(bits) => {
                self.handle(Interrupt::Raise(*bits));
                Ok(0)
            }
            Op::TakeBits => Ok(std::mem::take(&mut self.bits)),
            Op::WaitSignal => {
                return self.unless_stopped(slot, true, |all| match (all.listener, all.bits) {
                    (Some(_), _) => Flow::Done(Err(End::SecondWaiter)),
                    (None, 0) => {
                        all.listener = Some(slot);
                        Flow::Waits(Wait::Signal)
                    }
                    (None, _) => Flow::Done(Ok(std::mem::take(&mut all.bits))),
                });
            }
            Op::SendRemotely => {
                let letter = self.number();
                Ok(self.post(letter).into())
            }
            Op::ReceiveRemote => {
                return self.unless_stopped(slot, true, |all| {
                    if all.mail_reader.is_some() {
                        return Flow::Done(Err(End::SecondWaiter));
                    }
                    match all.mail.pop_front() {
                        Some(letter) => Flow::Done(Ok(letter)),
                        None => {
                            all.mail_reader = Some(slot);
                            Flow::Waits(Wait::Mail)
                        }
                    }
                });
            }
            Op::Acquire(steps) => {
                return self.unless_stopped(slot, true, |all| match all.permits {
                    0 => all.enlist(slot, PERMIT_LIST, Role::Receive, Wait::Permit(steps)),
                    _ => all.with_permit(slot, steps),
                });
            }
            Op::TryAcquire(steps) => match self.permits {
                0 => Ok(1),
                _ => return self.with_permit(slot, steps),
            },
            Op::AddPermit => {
                self.give_permit();
                Ok(0)
            }
            Op::Lock(lock, steps) => return self.lock(slot, *lock, false, LockThen::Steps(steps)),
            Op::TryLock(lock, steps) => match self.holders[*lock] {
                Some(_) => Ok(1),
                None => return self.locked(slot, *lock, LockThen::Steps(steps)),
            },
            Op::WaitCondition(steps) => return self.lock(slot, 0, false, LockThen::Condition(steps)),
            Op::NotifyOne => {
                self.notify();
                Ok(0)
            }
            Op::NotifyAll => {
                self.complete_all(CONDITION_LIST);
                Ok(0)
            }
            Op::Select(arms) => return self.select(slot, arms),
            Op::Timeout(time, steps) => {
                let at = self.time(*time);
                self.tasks[slot].depth += 1;
                let depth = self.tasks[slot].depth;
                let timer = self.start(at, slot, depth);
                return self.enter(slot, steps, Kind::Timeout(timer, depth));
            }
            Op::Shield(steps) => {
                let depth = self.tasks[slot].depth;
                let before = self.tasks[slot].shield.replace(depth);
                return self.enter(slot, steps, Kind::Shield(before));
            }
            Op::Scope(children, steps) => {
                let scope = self.scopes.len();
                self.scopes.push(Scope { parent: slot, closing: false, failed: None, children: Vec::new() });
                for &script in children {
                    if let Err(stop) = self.spawn(script, 0, Some(scope)) {
                        return self.close_scope(slot, scope, Err(stop), false);
                    }
                }
                return self.enter(slot, steps, Kind::Scope(scope));
            }
            Op::Spawn(script, level) => self.spawn(*script, *level, None),
            Op::Settle => return self.settle(slot),
        };
        Flow::Done(outcome)
    }

    /// A block is over: what it had is given back.
    pub(crate) fn leave(&mut self, slot: Slot, outcome: Outcome) -> Flow<'p> {
        let frame = self.tasks[slot].frames.pop().expect("a block that is over");
        Flow::Done(match frame.kind {
            Kind::Body => {
                self.say(slot, outcome);
                return match slot {
                    MAIN => self.end_of_run(),
                    _ => {
                        let number = self.tasks[slot].number;
                        self.end(slot, outcome.map(|_| number))
                    }
                };
            }
            Kind::Timeout(timer, depth) => {
                let due = self.stop_timer(slot, timer);
                self.tasks[slot].depth = depth - 1;
                self.tasks[slot].expired.retain(|&other| other != depth);
                if outcome == Err(End::Timeout(depth)) && due { Ok(1) } else { outcome }
            }
            Kind::Lock(lock) => {
                self.unlock(lock);
                outcome
            }
            Kind::Permit => {
                self.give_permit();
                outcome
            }
            Kind::Shield(before) => {
                self.tasks[slot].shield = before;
                outcome
            }
            Kind::Scope(scope) => return self.await_children(slot, scope, outcome),
        })
    }

    /// Completes a wait, or stops it, or goes on waiting.
    pub(crate) fn try_complete(&mut self, slot: Slot, wait: Wait<'p>) -> Flow<'p> {
        let task = &self.tasks[slot];
        let is_due = |timer| task.due.contains(&timer);
        let happened = match &wait {
            Wait::Begin => unreachable!("it has begun"),
            Wait::Turn(outcome) => {
                let outcome = *outcome;
                self.tasks[slot].places = [None; 4];
                return Flow::Done(outcome);
            }
            Wait::Yield(left) => {
                let left = *left;
                return match self.check_seen(slot) {
                    Ok(()) => self.turns_left(slot, left),
                    Err(stop) => Flow::Done(Err(stop)),
                };
            }
            Wait::Park => return Flow::Done(self.check_seen(slot).map(|()| 0)),
            Wait::Result(_) if task.life == Life::Over => return Flow::Waits(wait),
            Wait::Result(_) => return self.die(slot),
            Wait::Closing(scope, outcome, hopeless) => {
                let hopeless = *hopeless || task.deadlock;
                self.tasks[slot].deadlock = false;
                return self.close_scope(slot, *scope, *outcome, hopeless);
            }
            Wait::Busy | Wait::Alive => {
                let deadlock = task.deadlock;
                let left = (0..TASKS).any(|slot| match wait {
                    Wait::Busy => self.is_busy(slot),
                    _ => self.tasks[slot].life != Life::Free,
                });
                if !left {
                    return self.while_any(wait);
                }
                assert!(!deadlock, "a task cannot end");
                return Flow::Waits(wait);
            }
            Wait::Sleep(timer) | Wait::Settle(timer) => is_due(*timer),
            Wait::Signal => self.bits != 0,
            Wait::Mail => !self.mail.is_empty(),
            Wait::Children(scope) => self.scopes[*scope].closing || self.scopes[*scope].children.is_empty(),
            Wait::Select(chosen) => self.chosen_arm(slot, chosen).is_some(),
            Wait::Send(..)
            | Wait::Receive(_)
            | Wait::Set
            | Wait::Permit(_)
            | Wait::Lock(..)
            | Wait::Condition(_)
            | Wait::Join(_) => task.done.is_some(),
        };
        let stopped = if happened { Ok(()) } else { self.check_seen(slot) };
        if !happened && stopped.is_ok() {
            return Flow::Waits(wait);
        }
        self.over(slot, wait, stopped)
    }

    /// A wait has completed or was stopped.
    pub(crate) fn over(&mut self, slot: Slot, wait: Wait<'p>, stopped: Result<(), End>) -> Flow<'p> {
        if let Wait::Select(chosen) = wait {
            return self.chosen(slot, chosen, stopped);
        }
        self.unlink(slot);
        self.tasks[slot].done = None;
        let message = std::mem::take(&mut self.tasks[slot].places)[0];
        match wait {
            Wait::Sleep(timer) => _ = self.stop_timer(slot, timer),
            Wait::Signal => self.listener = None,
            Wait::Mail => self.mail_reader = None,
            Wait::Join(handle) if stopped.is_err() => self.drop_handle(handle),
            Wait::Lock(_, true, _) if stopped.is_err() => self.notify(),
            Wait::Settle(timer) => {
                self.stop_timer(slot, timer);
                self.tasks[slot].shield = None;
                return self.settle(slot);
            }
            Wait::Children(scope) => return self.close_scope(slot, scope, stopped.map(|()| 0), false),
            _ => {}
        }
        if let Err(stop) = stopped {
            return Flow::Done(Err(stop));
        }
        Flow::Done(match wait {
            Wait::Send(_, id) => Ok(id),
            Wait::Receive(_) => received(message),
            Wait::Signal => Ok(std::mem::take(&mut self.bits)),
            Wait::Mail => Ok(self.mail.pop_front().unwrap_or_default()),
            Wait::Permit(steps) => return self.enter(slot, steps, Kind::Permit),
            Wait::Lock(lock, _, then) => return self.locked(slot, lock, then),
            Wait::Condition(steps) => return self.lock(slot, 0, true, LockThen::Steps(steps)),
            Wait::Join(_) => Ok(result(self.tasks[slot].joined.take())),
            _ => Ok(0),
        })
    }

    /// The first operation of a step that may wait, unless there is a reason to stop.
    pub(crate) fn unless_stopped(
        &mut self,
        slot: Slot,
        looks: bool,
        go: impl FnOnce(&mut Self) -> Flow<'p>,
    ) -> Flow<'p> {
        match if looks { self.check(slot) } else { self.check_seen(slot) } {
            Ok(()) => go(self),
            Err(stop) => Flow::Done(Err(stop)),
        }
    }

    fn turns_left(&mut self, slot: Slot, left: u8) -> Flow<'p> {
        if left == 0 {
            return Flow::Done(Ok(0));
        }
        self.pass_until(self.now + TURN);
        match self.check_seen(slot) {
            Ok(()) => {
                self.append(slot);
                Flow::Waits(Wait::Yield(left - 1))
            }
            Err(stop) => Flow::Done(Err(stop)),
        }
    }

    pub(crate) fn enter(&mut self, slot: Slot, steps: &'p [Step], kind: Kind) -> Flow<'p> {
        self.tasks[slot].frames.push(Frame { steps, at: 0, kind });
        Flow::Next
    }

    pub(crate) fn enlist(&mut self, slot: Slot, list: usize, role: Role, wait: Wait<'p>) -> Flow<'p> {
        self.lists[list].push_back(Node { slot, role, arm: 0 });
        Flow::Waits(wait)
    }

    /// The number of a new value.
    pub(crate) fn number(&mut self) -> u32 {
        self.values += 1;
        self.values
    }

    pub(crate) fn first(&self, list: usize, role: Role) -> Option<(Slot, usize)> {
        self.lists[list].iter().find(|node| node.role == role).map(|node| (node.slot, node.arm))
    }

    pub(crate) fn complete_all(&mut self, list: usize) {
        while let Some((slot, arm)) = self.first(list, Role::Receive) {
            self.complete(slot, arm);
        }
    }

    pub(crate) fn close(&mut self, list: usize) -> Outcome {
        self.closed[list] = true;
        self.complete_all(list);
        Ok(0)
    }

    pub(crate) fn with_permit(&mut self, slot: Slot, steps: &'p [Step]) -> Flow<'p> {
        self.permits -= 1;
        self.enter(slot, steps, Kind::Permit)
    }

    pub(crate) fn give_permit(&mut self) {
        match self.first(PERMIT_LIST, Role::Receive) {
            Some((slot, arm)) => self.complete(slot, arm),
            None => self.permits += 1,
        }
    }

    pub(crate) fn notify(&mut self) {
        if let Some((slot, arm)) = self.first(CONDITION_LIST, Role::Receive) {
            self.complete(slot, arm);
        }
    }

    pub(crate) fn settle(&mut self, slot: Slot) -> Flow<'p> {
        for index in 0..self.remotes.len() {
            self.ask_kill(self.remotes[index]);
        }
        for handle in std::mem::take(&mut self.handles).into_iter().flatten() {
            self.drop_handle(handle);
        }
        if (0..TASKS).all(|slot| self.tasks[slot].life == Life::Free) {
            return Flow::Done(Ok(self.permits as u32));
        }
        let at = self.time(1_000);
        self.tasks[slot].shield = Some(self.tasks[slot].depth);
        let timer = self.start(at, slot, 0);
        match self.check_seen(slot) {
            Ok(()) => Flow::Waits(Wait::Settle(timer)),
            Err(_) => self.over(slot, Wait::Settle(timer), Ok(())),
        }
    }
}
