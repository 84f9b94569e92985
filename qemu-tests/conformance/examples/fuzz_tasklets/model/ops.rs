//! The ops, one after the other.

use conformance::Catch;
use conformance::tasklets::{Op, When};
use greenlet_tasklets::Preference;

use super::{Cell, Model, Place, Shape, shown};

impl Model<'_> {
    pub(super) fn run(&mut self, op: Op) {
        let me = self.current;
        match op {
            Op::New(slot) => self.create(slot, true),
            Op::Make(slot) => self.create(slot, false),
            Op::Schedule(value, catch) => {
                self.wait(Shape::Got, catch, Some(Ok(value)));
                self.queue.push_back(me);
                self.current = self.queue.pop_front().unwrap_or(me);
            }
            Op::Park(value, catch) => {
                self.wait(Shape::Got, catch, Some(Ok(value)));
                self.leave(Place::Paused);
            }
            Op::RunAll(catch) => {
                self.wait(Shape::Nothing, catch, None);
                self.waiting.push(me);
                self.leave(Place::Paused);
            }
            Op::Insert(slot) => {
                let Some(target) = self.there(slot) else { return };
                if self.may_run(target) {
                    self.ready(target);
                    self.done("ok");
                }
            }
            Op::Remove(slot) => {
                let Some(target) = self.there(slot) else { return };
                match self.tasklets[target].place {
                    Place::Blocked(_) => return self.done("err blocked"),
                    Place::Turn if target == me => return self.done("err current"),
                    Place::Turn => {
                        self.queue.retain(|&other| other != target);
                        self.tasklets[target].place = Place::Paused;
                    }
                    _ => {}
                }
                self.done("ok");
            }
            Op::Run(slot, catch) => {
                let Some(target) = self.there(slot) else { return };
                if self.may_run(target) {
                    self.wait(Shape::Got, catch, None);
                    self.wake(target);
                }
            }
            Op::Switch(slot, catch) => {
                let Some(target) = self.there(slot) else { return };
                if target == me {
                    return self.done("err current");
                }
                if self.may_run(target) {
                    self.wait(Shape::Got, catch, None);
                    self.tasklets[me].place = Place::Paused;
                    self.instead(target);
                }
            }
            Op::Throw(slot, code, when, catch) => {
                let Some(target) = self.there(slot) else { return };
                if self.tasklets[target].place == Place::Dead {
                    return self.done("err dead");
                }
                self.throw(target, format!("E{code}"), when, catch);
            }
            Op::Kill(slot, when, catch) => {
                let Some(target) = self.there(slot) else { return };
                if self.tasklets[target].place == Place::Dead {
                    return self.done("got none");
                }
                self.throw(target, "X".to_owned(), when, catch);
            }
            Op::Send(line, value, catch) => self.meet(line, true, Ok(value), Shape::Got, catch),
            Op::SendError(line, code, catch) => self.meet(line, true, Err(format!("E{code}")), Shape::Sent, catch),
            Op::SendExit(line, catch) => self.meet(line, true, Err("X".to_owned()), Shape::Sent, catch),
            Op::SendStop(line, catch) => self.meet(line, true, Err("STOP".to_owned()), Shape::Sent, catch),
            Op::Receive(line, catch) => self.meet(line, false, Ok(None), Shape::Got, catch),
            Op::Next(_, catch) => self.iterate(Shape::Next, catch),
            Op::Each(_, catch) => self.iterate(Shape::Each, catch),
            Op::Raise(code) => self.raise(format!("E{code}"), Catch { errors: false, exits: false }),
            Op::Exit => self.raise("X".to_owned(), Catch { errors: false, exits: false }),
            Op::Prefer(line, preference) => {
                self.channels[usize::from(line)].preference = preference;
                self.done("ok");
            }
            Op::ScheduleAll(line, all) => {
                self.channels[usize::from(line)].all = all;
                self.done("ok");
            }
            Op::Close(line) => {
                self.channels[usize::from(line)].closing = true;
                self.done("ok");
            }
            Op::Open(line) => {
                self.channels[usize::from(line)].closing = false;
                self.done("ok");
            }
            Op::Trap(slot, set) => {
                let Some(target) = self.there(slot) else { return };
                self.tasklets[target].trap = set;
                self.done("ok");
            }
            Op::SetCell(slot, value) => {
                let Some(target) = self.there(slot) else { return };
                if self.tasklets[target].place == Place::Dead {
                    return self.done("err dead");
                }
                self.tasklets[target].cell = Ok(value);
                self.done("ok");
            }
            question => self.answer(question),
        }
    }

    /// Ops that change nothing.
    fn answer(&mut self, question: Op) {
        let text = match question {
            Op::Cell(slot) => {
                let Some(target) = self.there(slot) else { return };
                match (self.tasklets[target].place, &self.tasklets[target].cell) {
                    (Place::Dead, _) => "err dead".to_owned(),
                    (_, Ok(value)) => format!("temp {slot} {}", shown(*value)),
                    (_, Err(raised)) => format!("temp {slot} {raised}"),
                }
            }
            Op::Balance(line) => format!("balance {line} {}", self.channels[usize::from(line)].balance()),
            Op::Channel(line) => format!("chan {}", self.channel_state(usize::from(line))),
            Op::Count => format!("count {}", 1 + self.queue.len()),
            Op::Current => format!("cur {}", self.current),
            Op::State(slot) => {
                let Some(target) = self.there(slot) else { return };
                format!("state {slot} {}", self.state(target))
            }
            _ => self.queue.iter().fold(format!("ring {}", self.current), |ring, target| format!("{ring} {target}")),
        };
        self.done(&text);
    }

    fn create(&mut self, slot: u8, ready: bool) {
        let target = usize::from(slot);
        if self.tasklets[target].place != Place::Unused {
            return self.done("err used");
        }
        self.tasklets[target].place = Place::Paused;
        if ready {
            self.ready(target);
        }
        self.done("ok");
    }

    /// The tasklet of a slot, if it was created.
    fn there(&mut self, slot: u8) -> Option<usize> {
        let target = usize::from(slot);
        if self.tasklets[target].place == Place::Unused {
            self.done("err noref");
            return None;
        }
        Some(target)
    }

    fn may_run(&mut self, target: usize) -> bool {
        let refusal = match self.tasklets[target].place {
            Place::Blocked(_) => "err blocked",
            Place::Dead => "err dead",
            _ => return true,
        };
        self.done(refusal);
        false
    }

    /// The op comes back when it is its tasklet's turn. `cell`: what it puts there.
    fn wait(&mut self, shape: Shape, catch: Catch, cell: Option<Cell>) {
        let tasklet = &mut self.tasklets[self.current];
        tasklet.waits = Some((shape, catch));
        if let Some(cell) = cell {
            tasklet.cell = cell;
        }
    }

    /// Rules 15 to 18.
    fn throw(&mut self, target: usize, raised: String, when: When, catch: Catch) {
        self.tasklets[target].cell = Err(raised);
        if target == self.current || when == When::Now {
            self.wait(Shape::Got, catch, None);
            self.wake(target);
        } else {
            self.ready(target);
            self.done("got none");
        }
    }

    /// Rule 24.
    pub(super) fn iterate(&mut self, shape: Shape, catch: Catch) {
        let me = self.current;
        let op = self.scenario.script(me as u8)[self.tasklets[me].at];
        let (Op::Next(line, _) | Op::Each(line, _)) = op else { unreachable!("an iteration is one of these") };
        let channel = &self.channels[usize::from(line)];
        if channel.closing && channel.balance() <= 0 {
            return self.done("stop");
        }
        self.meet(line, false, Ok(None), shape, catch);
    }

    /// Rules 19 to 23.
    fn meet(&mut self, line: u8, sends: bool, cell: Cell, shape: Shape, catch: Catch) {
        let me = self.current;
        let line = usize::from(line);
        let channel = &mut self.channels[line];
        if channel.queue.is_empty() || channel.senders == sends {
            if self.tasklets[me].trap {
                return self.raise("TRAP".to_owned(), catch);
            }
            if channel.closing {
                return self.raise("CLOSED".to_owned(), catch);
            }
            channel.senders = sends;
            channel.queue.push_back(me);
            self.wait(shape, catch, Some(cell));
            return self.leave(Place::Blocked(line));
        }
        let Some(other) = channel.queue.pop_front() else { unreachable!("looked at above") };
        let preferred = channel.preference == if sends { Preference::Receiver } else { Preference::Sender };
        let all = channel.all;
        self.wait(shape, catch, Some(cell));
        self.tasklets[other].place = Place::Turn;
        let mine = std::mem::replace(&mut self.tasklets[me].cell, Ok(None));
        self.tasklets[me].cell = std::mem::replace(&mut self.tasklets[other].cell, mine);
        if all {
            self.queue.extend([other, me]);
            self.current = self.queue.pop_front().unwrap_or(me);
        } else if preferred {
            self.queue.push_back(me);
            self.current = other;
        } else {
            self.queue.push_back(other);
        }
    }
}
