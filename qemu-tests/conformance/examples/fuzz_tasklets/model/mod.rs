//! The rules of the corpus, as plainly as they can be said: the current tasklet, a queue of the others, and cells.
//! Nothing here is shared with the scheduler, and nothing switches: a tasklet is its slot, the index of its op, and
//! what that op waits for.

mod ops;
mod turns;

use std::collections::VecDeque;
use std::fmt::Write as _;

use conformance::Catch;
use conformance::tasklets::{Scenario, Value};
use greenlet_tasklets::Preference;

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
    /// The tasklets that wait, first come first; all senders, or all receivers.
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
            Preference::Neither => 0,
            Preference::Sender => 1,
        };
        let word = match (channel.closing, channel.queue.is_empty()) {
            (false, _) => "open",
            (true, false) => "closing",
            (true, true) => "closed",
        };
        let head = format!("{number} {} {preference} {} {word}", channel.balance(), u8::from(channel.all));
        channel.queue.iter().fold(head, |text, target| format!("{text} {target}"))
    }
}

fn shown(value: Value) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}
