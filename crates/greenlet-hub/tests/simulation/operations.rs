//! The rules of each operation.

use crate::log::{End, hash};
use crate::model::{
    CONDITION_LIST, Chosen, EVENT_LIST, Flow, Frame, Handle, Kind, LOCK_LIST, Life, LockThen, MAIN, Message, Node,
    Outcome, PERMIT_LIST, ROOM_LIST, Role, Scope, Simulation, Slot, Wait,
};
use crate::program::{Arm, LINES, Op, ROOM, Step, TASKS, Whose};
use crate::real::{ARM, NAMES};

/// Which side of a rendezvous on each line runs first: `None` lets both wait for their turns.
const PREFERRED: [Option<Role>; LINES] = [Some(Role::Receive), None, Some(Role::Send), None];
/// The line on which every operation lets others run.
const BOTH: usize = 3;

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
                return Flow::Waits(Wait::Yield);
            }
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
                self.handle(crate::program::Interrupt::Wake(*whose));
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
                self.handle(crate::program::Interrupt::Raise(*bits));
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
            Wait::Yield | Wait::Park => return Flow::Done(self.check_seen(slot).map(|()| 0)),
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
    fn over(&mut self, slot: Slot, wait: Wait<'p>, stopped: Result<(), End>) -> Flow<'p> {
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
    fn unless_stopped(&mut self, slot: Slot, looks: bool, go: impl FnOnce(&mut Self) -> Flow<'p>) -> Flow<'p> {
        match if looks { self.check(slot) } else { self.check_seen(slot) } {
            Ok(()) => go(self),
            Err(stop) => Flow::Done(Err(stop)),
        }
    }

    pub(crate) fn enter(&mut self, slot: Slot, steps: &'p [Step], kind: Kind) -> Flow<'p> {
        self.tasks[slot].frames.push(Frame { steps, at: 0, kind });
        Flow::Next
    }

    fn enlist(&mut self, slot: Slot, list: usize, role: Role, wait: Wait<'p>) -> Flow<'p> {
        self.lists[list].push_back(Node { slot, role, arm: 0 });
        Flow::Waits(wait)
    }

    /// The number of a new value.
    fn number(&mut self) -> u32 {
        self.values += 1;
        self.values
    }

    fn first(&self, list: usize, role: Role) -> Option<(Slot, usize)> {
        self.lists[list].iter().find(|node| node.role == role).map(|node| (node.slot, node.arm))
    }

    fn complete_all(&mut self, list: usize) {
        while let Some((slot, arm)) = self.first(list, Role::Receive) {
            self.complete(slot, arm);
        }
    }

    fn close(&mut self, list: usize) -> Outcome {
        self.closed[list] = true;
        self.complete_all(list);
        Ok(0)
    }

    /// Puts a message into the place of the first that waits to receive.
    fn give(&mut self, line: usize, message: Message) -> Option<(Slot, usize)> {
        let (receiver, arm) = self.first(line, Role::Receive)?;
        self.tasks[receiver].places[arm] = Some(message);
        Some((receiver, arm))
    }

    fn send(&mut self, slot: Slot, line: usize, message: Message, id: u32) -> Flow<'p> {
        if self.closed[line] {
            return Flow::Done(Err(End::Closed));
        }
        self.unless_stopped(slot, true, |all| match all.give(line, message) {
            Some(receiver) => all.meet(slot, line, receiver, Role::Receive, Ok(id)),
            None => {
                all.tasks[slot].places[0] = Some(message);
                all.enlist(slot, line, Role::Send, Wait::Send(line, id))
            }
        })
    }

    fn receive(&mut self, slot: Slot, line: usize) -> Flow<'p> {
        self.unless_stopped(slot, true, |all| {
            if let Some((sender, arm)) = all.first(line, Role::Send) {
                let message = all.tasks[sender].places[arm].take();
                let flow = all.meet(slot, line, (sender, arm), Role::Send, received(message));
                if matches!(flow, Flow::Waits(_)) {
                    all.tasks[slot].places[0] = message;
                }
                return flow;
            }
            if all.closed[line] {
                return Flow::Done(Err(End::Closed));
            }
            all.enlist(slot, line, Role::Receive, Wait::Receive(line))
        })
    }

    /// `first` has waited in this role, and meets the task of `slot`.
    fn meet(&mut self, slot: Slot, line: usize, first: (Slot, usize), role: Role, outcome: Outcome) -> Flow<'p> {
        if PREFERRED[line] == Some(role) {
            self.mark_done(first.0, first.1);
            self.prepend(first.0);
        } else {
            self.complete(first.0, first.1);
            if line != BOTH {
                return Flow::Done(outcome);
            }
        }
        self.append(slot);
        Flow::Waits(Wait::Turn(outcome))
    }

    fn try_receive(&mut self, line: usize) -> Option<Outcome> {
        let Some((sender, arm)) = self.first(line, Role::Send) else {
            return self.closed[line].then_some(Err(End::Closed));
        };
        let message = self.tasks[sender].places[arm].take();
        self.complete(sender, arm);
        Some(received(message))
    }

    fn put(&mut self, slot: Slot, id: u32) -> Flow<'p> {
        self.unless_stopped(slot, true, |all| {
            if all.try_put(id) {
                Flow::Done(Ok(id))
            } else if all.closed[ROOM_LIST] {
                Flow::Done(Err(End::Closed))
            } else {
                all.tasks[slot].places[0] = Some(Message::Value(id));
                all.enlist(slot, ROOM_LIST, Role::Send, Wait::Send(ROOM_LIST, id))
            }
        })
    }

    fn try_put(&mut self, id: u32) -> bool {
        if self.closed[ROOM_LIST] {
            return false;
        }
        if let Some((receiver, arm)) = self.give(ROOM_LIST, Message::Value(id)) {
            self.complete(receiver, arm);
            return true;
        }
        let fits = self.room.len() < ROOM;
        if fits {
            self.room.push_back(id);
        }
        fits
    }

    fn try_take(&mut self) -> Option<u32> {
        let id = self.room.pop_front()?;
        if let Some((sender, arm)) = self.first(ROOM_LIST, Role::Send) {
            if let Some(Message::Value(next)) = self.tasks[sender].places[arm].take() {
                self.room.push_back(next);
            }
            self.complete(sender, arm);
        }
        Some(id)
    }

    fn with_permit(&mut self, slot: Slot, steps: &'p [Step]) -> Flow<'p> {
        self.permits -= 1;
        self.enter(slot, steps, Kind::Permit)
    }

    fn give_permit(&mut self) {
        match self.first(PERMIT_LIST, Role::Receive) {
            Some((slot, arm)) => self.complete(slot, arm),
            None => self.permits += 1,
        }
    }

    fn notify(&mut self) {
        if let Some((slot, arm)) = self.first(CONDITION_LIST, Role::Receive) {
            self.complete(slot, arm);
        }
    }

    fn settle(&mut self, slot: Slot) -> Flow<'p> {
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

/// Locks.
impl<'p> Simulation<'p> {
    fn lock(&mut self, slot: Slot, lock: usize, notified: bool, then: LockThen<'p>) -> Flow<'p> {
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
    fn locked(&mut self, slot: Slot, lock: usize, then: LockThen<'p>) -> Flow<'p> {
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
    fn waits_for(&self, slot: Slot) -> Option<usize> {
        match self.tasks[slot].wait {
            Wait::Lock(lock, ..) if self.tasks[slot].shown => Some(lock),
            _ => None,
        }
    }

    fn leads_to(&self, lock: usize, slot: Slot) -> bool {
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
    fn lend(&mut self, lock: usize, level: usize) {
        let mut next = Some(lock);
        while let Some(holder) = next.and_then(|lock| self.holders[lock]) {
            if self.tasks[holder].level >= level {
                return;
            }
            self.set_level(holder, level);
            next = self.waits_for(holder);
        }
    }

    fn unlock(&mut self, lock: usize) {
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

/// Joins, scopes and selects.
impl<'p> Simulation<'p> {
    fn whose(&self, whose: Whose) -> Option<usize> {
        let there: Vec<_> = (0..self.handles.len()).filter(|&index| self.handles[index].is_some()).collect();
        there.get(usize::from(whose) % there.len().max(1)).copied()
    }

    fn with_handle(&mut self, whose: Whose, each: impl FnOnce(&mut Self, Handle)) -> u32 {
        let Some(handle) = self.whose(whose).and_then(|index| self.handles[index]) else { return 0 };
        each(self, handle);
        1
    }

    fn take_handle(&mut self, whose: Whose) -> Option<(usize, Handle)> {
        let index = self.whose(whose)?;
        self.handles[index].take().map(|handle| (index, handle))
    }

    fn join(&mut self, slot: Slot, whose: Whose) -> Flow<'p> {
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
    fn await_children(&mut self, slot: Slot, scope: usize, outcome: Outcome) -> Flow<'p> {
        let waits = !self.scopes[scope].closing && !self.scopes[scope].children.is_empty();
        match outcome {
            Ok(_) if waits => match self.check_seen(slot) {
                Ok(()) => Flow::Waits(Wait::Children(scope)),
                Err(stop) => self.close_scope(slot, scope, Err(stop), false),
            },
            outcome => self.close_scope(slot, scope, outcome, false),
        }
    }

    fn close_scope(&mut self, slot: Slot, scope: usize, outcome: Outcome, hopeless: bool) -> Flow<'p> {
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

    fn select(&mut self, slot: Slot, arms: &'p [Arm]) -> Flow<'p> {
        let whose = arms.iter().find_map(|arm| if let Arm::Join(whose) = arm { Some(*whose) } else { None });
        let handle = whose.and_then(|whose| self.take_handle(whose));
        if whose.is_some() && handle.is_none() {
            return Flow::Done(Ok(0));
        }
        let mut at = None;
        for (index, arm) in arms.iter().enumerate() {
            match arm {
                Arm::Send(_) => self.tasks[slot].places[index] = Some(Message::Value(self.number())),
                Arm::Sleep(time) => at = Some(self.time(*time)),
                _ => {}
            }
        }
        let mut chosen = Chosen { arms, timer: None, handle };
        if let Err(stop) = self.check(slot) {
            return self.leave_select(slot, chosen, Err(stop));
        }
        self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let first = (self.random >> 16) as usize;
        for turn in 0..arms.len() {
            let index = (first + turn) % arms.len();
            if let Some(outcome) = self.arm_now(slot, index, &chosen, at) {
                return self.leave_select(slot, chosen, outcome.map(|value| index as u32 * ARM + value));
            }
        }
        for (arm, what) in arms.iter().enumerate() {
            match what {
                Arm::Receive(line) => self.lists[*line].push_back(Node { slot, role: Role::Receive, arm }),
                Arm::Send(line) => self.lists[*line].push_back(Node { slot, role: Role::Send, arm }),
                Arm::Set => self.lists[EVENT_LIST].push_back(Node { slot, role: Role::Receive, arm }),
                Arm::Sleep(_) => chosen.timer = at.map(|at| self.start(at, slot, 0)),
                Arm::Join(_) => {
                    if let Some((_, handle)) = handle {
                        self.tasks[handle.slot].joiner = Some((slot, Some(arm)));
                    }
                }
            }
        }
        Flow::Waits(Wait::Select(chosen))
    }

    /// Completes an arm without a wait.
    fn arm_now(&mut self, slot: Slot, index: usize, chosen: &Chosen<'p>, at: Option<u64>) -> Option<Outcome> {
        match chosen.arms[index] {
            Arm::Receive(line) => self.try_receive(line),
            Arm::Send(line) if self.closed[line] => Some(Err(End::Closed)),
            Arm::Send(line) => {
                let message = self.tasks[slot].places[index]?;
                let (receiver, arm) = self.give(line, message)?;
                self.tasks[slot].places[index] = None;
                self.complete(receiver, arm);
                Some(Ok(0))
            }
            Arm::Set => self.set.then_some(Ok(0)),
            Arm::Sleep(_) => at.is_some_and(|at| at <= self.now).then_some(Ok(0)),
            Arm::Join(_) => chosen.handle.is_some_and(|(_, handle)| self.is_over(handle)).then_some(Ok(0)),
        }
    }

    /// What was handed over counts more than a time that is over, or a task that has ended.
    fn chosen_arm(&self, slot: Slot, chosen: &Chosen<'p>) -> Option<usize> {
        let task = &self.tasks[slot];
        task.done.or_else(|| {
            chosen.arms.iter().position(|arm| match arm {
                Arm::Sleep(_) => chosen.timer.is_some_and(|timer| task.due.contains(&timer)),
                Arm::Join(_) => chosen.handle.is_some_and(|(_, handle)| self.is_over(handle)),
                _ => false,
            })
        })
    }

    fn chosen(&mut self, slot: Slot, chosen: Chosen<'p>, stopped: Result<(), End>) -> Flow<'p> {
        let arm = self.chosen_arm(slot, &chosen).unwrap_or_default();
        let outcome = stopped.and_then(|()| match chosen.arms[arm] {
            Arm::Receive(_) => received(self.tasks[slot].places[arm]),
            _ => Ok(0),
        });
        self.leave_select(slot, chosen, outcome.map(|value| arm as u32 * ARM + value))
    }

    fn leave_select(&mut self, slot: Slot, chosen: Chosen<'p>, outcome: Outcome) -> Flow<'p> {
        self.unlink(slot);
        self.tasks[slot].done = None;
        self.tasks[slot].places = [None; 4];
        if let Some(timer) = chosen.timer {
            self.stop_timer(slot, timer);
        }
        if let Some((index, handle)) = chosen.handle {
            if !self.is_over(handle) {
                self.tasks[handle.slot].joiner = None;
            }
            let before = match self.handles.get_mut(index) {
                Some(place) => place.replace(handle),
                None => Some(handle),
            };
            if let Some(before) = before {
                self.drop_handle(before);
            }
        }
        Flow::Done(outcome)
    }

    /// The row of a report.
    fn row(&self, slot: Slot) -> String {
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

fn received(message: Option<Message>) -> Outcome {
    match message {
        Some(Message::Value(id)) => Ok(id),
        Some(Message::Error(error)) => Err(End::Error(error)),
        None => Err(End::Closed),
    }
}

/// The outcome of a join that has completed.
fn result(outcome: Option<Outcome>) -> u32 {
    outcome.unwrap_or(Err(End::Killed)).unwrap_or_else(|stop| hash(&format!("{stop:?}")))
}
