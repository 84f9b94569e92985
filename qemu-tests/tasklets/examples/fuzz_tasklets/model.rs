//! The rules of the corpus, as plainly as they can be said: the current tasklet, a queue of the others, and cells. Nothing here is
//! shared with the scheduler, and nothing switches: a tasklet is its slot, the index of its op, and what that op waits for.

use std::collections::VecDeque;
use std::fmt::Write as _;

use greenlet_tasklets::Preference;
use tasklets::{Catch, Op, Scenario, Value, When};

/// A value, or the token of what is raised.
type Cell = Result<Value, String>;

/// Where a tasklet is. `Turn`: the current one, or in the queue.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Unused,
    Dead,
    Turn,
    Blocked(usize),
    Paused,
}

/// What the result of an op looks like, once it is there.
#[derive(Clone, Copy)]
enum Shape {
    Got,
    /// `runall`: whatever is in the cell, nothing is got.
    Nothing,
    Sent,
    Next,
    Each,
}

struct Tasklet {
    place: Place,
    started: bool,
    at: usize,
    cell: Cell,
    trap: bool,
    /// The op that it comes back from when it is its turn.
    waits: Option<(Shape, Catch)>,
}

#[derive(Default)]
struct Channel {
    /// Who waits, first come first; all senders, or all receivers.
    queue: VecDeque<usize>,
    senders: bool,
    preference: Preference,
    all: bool,
    closing: bool,
}

impl Channel {
    fn balance(&self) -> i64 {
        let count = self.queue.len() as i64;
        if self.senders { count } else { -count }
    }
}

struct Model<'a> {
    scenario: &'a Scenario,
    tasklets: Vec<Tasklet>,
    channels: Vec<Channel>,
    current: usize,
    queue: VecDeque<usize>,
    /// Those inside `runall`, the last one that began at the end.
    waiting: Vec<usize>,
    log: String,
    over: bool,
}

/// The log of a scenario, by the rules.
pub(crate) fn log(scenario: &Scenario) -> String {
    let tasklet = |slot| Tasklet {
        place: if slot == 0 { Place::Turn } else { Place::Unused },
        started: false,
        at: 0,
        cell: Ok(None),
        trap: false,
        waits: None,
    };
    let mut model = Model {
        scenario,
        tasklets: (0..scenario.slots()).map(tasklet).collect(),
        channels: (0..scenario.channels()).map(|_| Channel::default()).collect(),
        current: 0,
        queue: VecDeque::new(),
        waiting: Vec::new(),
        log: format!("scenario {}\n", scenario.name()),
        over: false,
    };
    while !model.over {
        model.step();
    }
    for slot in 0..model.tasklets.len() {
        let state = model.state(slot);
        let _ = writeln!(model.log, "* final {slot} {state}");
    }
    for channel in 0..model.channels.len() {
        let state = model.channel_state(channel);
        let _ = writeln!(model.log, "* channel {state}");
    }
    model.log + "done\n"
}

/// # One step of the current one
impl Model<'_> {
    fn step(&mut self) {
        let me = self.current;
        if let Some((shape, catch)) = self.tasklets[me].waits.take() {
            return self.come_back(shape, catch);
        }
        if !self.tasklets[me].started {
            self.tasklets[me].started = true;
            if let Err(raised) = self.take() {
                return self.die(Some(raised)); // rule 11
            }
            let _ = writeln!(self.log, "{me} - start");
            return;
        }
        match self.scenario.script(me as u8).get(self.tasklets[me].at).copied() {
            Some(op) => self.run(op),
            None => {
                self.say("end");
                self.die(None);
            }
        }
    }

    /// Rule 2: back from an op that may switch.
    fn come_back(&mut self, shape: Shape, catch: Catch) {
        if let Shape::Nothing = shape {
            self.stop_waiting();
        }
        match (self.take(), shape) {
            (Err(raised), Shape::Next | Shape::Each) if raised == "STOP" => self.done("stop"),
            (Err(raised), _) => self.raise(raised, catch),
            (Ok(_), Shape::Nothing) => self.done("got none"),
            (Ok(_), Shape::Sent) => self.done("sent"),
            (Ok(value), Shape::Got | Shape::Next) => self.done(&format!("got {}", shown(value))),
            (Ok(value), Shape::Each) => {
                self.say(&format!("item {}", shown(value)));
                self.iterate(Shape::Each, catch);
            }
        }
    }

    fn take(&mut self) -> Cell {
        std::mem::replace(&mut self.tasklets[self.current].cell, Ok(None))
    }

    fn say(&mut self, result: &str) {
        let me = self.current;
        let at = self.tasklets[me].at;
        let _ = writeln!(self.log, "{me} {at} {result}");
    }

    /// The op is over, without a switch from now on.
    fn done(&mut self, result: &str) {
        self.say(result);
        self.tasklets[self.current].at += 1;
    }

    fn raise(&mut self, raised: String, catch: Catch) {
        let caught = if raised == "X" { catch.exits } else { catch.errors };
        if caught {
            self.done(&format!("caught {raised}"));
        } else {
            self.say(&format!("died {raised}"));
            self.die(Some(raised));
        }
    }

    /// Rules 12, 13, 26.
    fn die(&mut self, raised: Option<String>) {
        let me = self.current;
        if me == 0 {
            self.over = true;
            return;
        }
        self.tasklets[me].place = Place::Dead;
        let keeper = self.keeper();
        match raised.filter(|raised| raised != "X") {
            Some(error) => {
                self.tasklets[keeper].cell = Err(error);
                self.instead(keeper);
            }
            None => match self.queue.pop_front() {
                Some(next) => self.current = next,
                None => {
                    if let Place::Blocked(channel) = self.tasklets[keeper].place {
                        let lost = if self.channels[channel].senders { "NORECEIVER" } else { "NOSENDER" };
                        self.tasklets[keeper].cell = Err(lost.to_owned());
                    }
                    self.instead(keeper);
                }
            },
        }
    }
}

/// # Whose turn it is
impl Model<'_> {
    fn keeper(&self) -> usize {
        self.waiting.last().copied().unwrap_or(0)
    }

    /// Takes one out of whatever queue it is in. Says whether it was in the queue of turns; then those before it come after
    /// those behind it.
    fn take_out(&mut self, who: usize, current_between: bool) {
        let me = self.current;
        if let Some(at) = self.queue.iter().position(|&other| other == who) {
            let before: Vec<usize> = self.queue.drain(..=at).take(at).collect();
            self.queue.extend(current_between.then_some(me));
            self.queue.extend(before);
        } else {
            if let Place::Blocked(channel) = self.tasklets[who].place {
                self.channels[channel].queue.retain(|&other| other != who);
            }
            if current_between {
                self.queue.push_front(me);
            }
        }
        self.tasklets[who].place = Place::Turn;
        self.current = who;
    }

    /// Rule 4, and the current one keeps its place.
    fn wake(&mut self, who: usize) {
        if who != self.current {
            self.take_out(who, true);
        }
    }

    /// Rule 4, where the current one has left.
    fn instead(&mut self, who: usize) {
        self.take_out(who, false);
    }

    /// To the end of the queue, if it is in none of turns.
    fn ready(&mut self, who: usize) {
        match self.tasklets[who].place {
            Place::Blocked(channel) => self.channels[channel].queue.retain(|&other| other != who),
            Place::Paused => {}
            _ => return,
        }
        self.tasklets[who].place = Place::Turn;
        self.queue.push_back(who);
    }

    /// The current one has left, to `place`. Rule 10.
    fn leave(&mut self, place: Place) {
        let me = self.current;
        self.tasklets[me].place = place;
        if let Some(next) = self.queue.pop_front() {
            self.current = next;
            return;
        }
        let keeper = self.keeper();
        if self.tasklets[keeper].place == Place::Paused {
            self.instead(keeper);
        } else {
            self.instead(me);
            self.tasklets[me].cell = Err("DEADLOCK".to_owned());
        }
    }

    /// Rule 14.
    fn stop_waiting(&mut self) {
        let me = self.current;
        if !self.waiting.contains(&me) {
            return;
        }
        while let Some(top) = self.waiting.pop() {
            if top == me {
                break;
            }
            if self.tasklets[top].place == Place::Paused {
                self.ready(top);
            }
        }
    }
}

/// # Ops
impl Model<'_> {
    fn run(&mut self, op: Op) {
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
                let Some(who) = self.there(slot) else { return };
                if self.may_run(who) {
                    self.ready(who);
                    self.done("ok");
                }
            }
            Op::Remove(slot) => {
                let Some(who) = self.there(slot) else { return };
                match self.tasklets[who].place {
                    Place::Blocked(_) => return self.done("err blocked"),
                    Place::Turn if who == me => return self.done("err current"),
                    Place::Turn => {
                        self.queue.retain(|&other| other != who);
                        self.tasklets[who].place = Place::Paused;
                    }
                    _ => {}
                }
                self.done("ok");
            }
            Op::Run(slot, catch) => {
                let Some(who) = self.there(slot) else { return };
                if self.may_run(who) {
                    self.wait(Shape::Got, catch, None);
                    self.wake(who);
                }
            }
            Op::Switch(slot, catch) => {
                let Some(who) = self.there(slot) else { return };
                if who == me {
                    return self.done("err current");
                }
                if self.may_run(who) {
                    self.wait(Shape::Got, catch, None);
                    self.tasklets[me].place = Place::Paused;
                    self.instead(who);
                }
            }
            Op::Throw(slot, code, when, catch) => {
                let Some(who) = self.there(slot) else { return };
                if self.tasklets[who].place == Place::Dead {
                    return self.done("err dead");
                }
                self.throw(who, format!("E{code}"), when, catch);
            }
            Op::Kill(slot, when, catch) => {
                let Some(who) = self.there(slot) else { return };
                if self.tasklets[who].place == Place::Dead {
                    return self.done("got none");
                }
                self.throw(who, "X".to_owned(), when, catch);
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
                let Some(who) = self.there(slot) else { return };
                self.tasklets[who].trap = set;
                self.done("ok");
            }
            Op::SetCell(slot, value) => {
                let Some(who) = self.there(slot) else { return };
                if self.tasklets[who].place == Place::Dead {
                    return self.done("err dead");
                }
                self.tasklets[who].cell = Ok(value);
                self.done("ok");
            }
            question => self.answer(question),
        }
    }

    /// Ops that change nothing.
    fn answer(&mut self, question: Op) {
        let text = match question {
            Op::Cell(slot) => {
                let Some(who) = self.there(slot) else { return };
                match (self.tasklets[who].place, &self.tasklets[who].cell) {
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
                let Some(who) = self.there(slot) else { return };
                format!("state {slot} {}", self.state(who))
            }
            _ => self.queue.iter().fold(format!("ring {}", self.current), |ring, who| format!("{ring} {who}")),
        };
        self.done(&text);
    }

    fn create(&mut self, slot: u8, ready: bool) {
        let who = usize::from(slot);
        if self.tasklets[who].place != Place::Unused {
            return self.done("err used");
        }
        self.tasklets[who].place = Place::Paused;
        if ready {
            self.ready(who);
        }
        self.done("ok");
    }

    /// The tasklet of a slot, if it was created.
    fn there(&mut self, slot: u8) -> Option<usize> {
        let who = usize::from(slot);
        if self.tasklets[who].place == Place::Unused {
            self.done("err noref");
            return None;
        }
        Some(who)
    }

    fn may_run(&mut self, who: usize) -> bool {
        let refusal = match self.tasklets[who].place {
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
    fn throw(&mut self, who: usize, raised: String, when: When, catch: Catch) {
        self.tasklets[who].cell = Err(raised);
        if who == self.current || when == When::Now {
            self.wait(Shape::Got, catch, None);
            self.wake(who);
        } else {
            self.ready(who);
            self.done("got none");
        }
    }

    /// Rule 24.
    fn iterate(&mut self, shape: Shape, catch: Catch) {
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

/// # Words
impl Model<'_> {
    fn state(&self, slot: usize) -> String {
        let tasklet = &self.tasklets[slot];
        let place = match tasklet.place {
            Place::Unused => return "unused".to_owned(),
            Place::Dead => return "dead".to_owned(),
            Place::Turn => " scheduled",
            Place::Blocked(_) => " blocked scheduled",
            Place::Paused => " paused",
        };
        let current = if slot == self.current { " current" } else { "" };
        let main = if slot == 0 { " main" } else { "" };
        format!("alive{current}{main}{place}{}", if tasklet.trap { " trap" } else { "" })
    }

    fn channel_state(&self, number: usize) -> String {
        let channel = &self.channels[number];
        let preference = match channel.preference {
            Preference::Receiver => -1,
            Preference::Nobody => 0,
            Preference::Sender => 1,
        };
        let word = match (channel.closing, channel.queue.is_empty()) {
            (false, _) => "open",
            (true, false) => "closing",
            (true, true) => "closed",
        };
        let head = format!("{number} {} {preference} {} {word}", channel.balance(), u8::from(channel.all));
        channel.queue.iter().fold(head, |text, who| format!("{text} {who}"))
    }
}

fn shown(value: Value) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}
