//! The rules of the hub as a state machine: which task runs next, when one waits, is stopped and ends.

use crate::log::{Audit, End, Entry};
use crate::program::{Arm, Interrupt, LINES, LOCKS, MOST_TIMERS, PERMITS, Program, ROOM, Step, TASKS, Whose};
use std::collections::VecDeque;

pub(crate) type Outcome = Result<u32, End>;
/// The number of a task's place in the hub. Main's is `TASKS`.
pub(crate) type Slot = usize;

pub(crate) const MAIN: Slot = TASKS;

/// Lists of tasks that wait. Those of the lines are the first.
pub(crate) const ROOM_LIST: usize = LINES;
pub(crate) const EVENT_LIST: usize = LINES + 1;
pub(crate) const PERMIT_LIST: usize = LINES + 2;
pub(crate) const CONDITION_LIST: usize = LINES + 3;
pub(crate) const LOCK_LIST: usize = LINES + 4;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    Free,
    Detached,
    Joinable,
    Child,
    Over,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Send,
    Receive,
}

pub(crate) struct Node {
    pub(crate) slot: Slot,
    pub(crate) role: Role,
    pub(crate) arm: usize,
}

#[derive(Clone, Copy)]
pub(crate) enum Message {
    Value(u32),
    Error(u32),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Handle {
    pub(crate) slot: Slot,
    pub(crate) generation: u64,
}

/// A block of steps that is being run, and what is left when it is over.
pub(crate) struct Frame<'p> {
    pub(crate) steps: &'p [Step],
    pub(crate) at: usize,
    pub(crate) kind: Kind,
}

pub(crate) enum Kind {
    Body,
    Timeout(u64, u8),
    Lock(usize),
    Permit,
    Shield(Option<u8>),
    Scope(usize),
}

/// What a task waits for.
pub(crate) enum Wait<'p> {
    Begin,
    /// Its turn, whatever happens meanwhile; then the outcome.
    Turn(Outcome),
    Yield,
    Park,
    Sleep(u64),
    Send(usize, u32),
    Receive(usize),
    Set,
    Signal,
    Mail,
    Permit(&'p [Step]),
    /// The lock; whether a notification was used up for that.
    Lock(usize, bool, LockThen<'p>),
    Condition(&'p [Step]),
    Join(Handle),
    Select(Chosen<'p>),
    Children(usize),
    Closing(usize, Outcome, bool),
    Result(Outcome),
    Settle(u64),
    /// Main, when its closure has returned.
    Busy,
    Alive,
}

#[derive(Clone, Copy)]
pub(crate) enum LockThen<'p> {
    Steps(&'p [Step]),
    Condition(&'p [Step]),
}

pub(crate) struct Chosen<'p> {
    pub(crate) arms: &'p [Arm],
    pub(crate) timer: Option<u64>,
    pub(crate) handle: Option<(usize, Handle)>,
}

/// What a step has led to.
pub(crate) enum Flow<'p> {
    Next,
    Done(Outcome),
    Waits(Wait<'p>),
    Ended,
}

pub(crate) struct Task<'p> {
    pub(crate) number: u32,
    pub(crate) script: Option<usize>,
    pub(crate) life: Life,
    pub(crate) generation: u64,
    pub(crate) killed: bool,
    pub(crate) thrown: Option<u32>,
    pub(crate) deadlock: bool,
    /// Depths whose time is over.
    pub(crate) expired: Vec<u8>,
    pub(crate) depth: u8,
    pub(crate) shield: Option<u8>,
    pub(crate) level: usize,
    pub(crate) own_level: usize,
    pub(crate) frames: Vec<Frame<'p>>,
    pub(crate) wait: Wait<'p>,
    /// Whether a report shows what it waits for.
    pub(crate) shown: bool,
    pub(crate) done: Option<usize>,
    pub(crate) places: [Option<Message>; 4],
    /// Timers that have ended.
    pub(crate) due: Vec<u64>,
    /// Who joins it, and by which arm of a select.
    pub(crate) joiner: Option<(Slot, Option<usize>)>,
    pub(crate) joined: Option<Outcome>,
    pub(crate) scope: Option<usize>,
    notified: bool,
    kill_asked: bool,
}

pub(crate) struct Scope {
    pub(crate) parent: Slot,
    pub(crate) closing: bool,
    pub(crate) failed: Option<End>,
    pub(crate) children: Vec<Slot>,
}

pub(crate) struct Timer {
    pub(crate) at: u64,
    pub(crate) id: u64,
    slot: Slot,
    scope: u8,
}

pub(crate) struct Simulation<'p> {
    pub(crate) program: &'p Program,
    pub(crate) now: u64,
    interrupts: VecDeque<(u64, Interrupt)>,
    ready: [VecDeque<Slot>; 4],
    inbox: VecDeque<Slot>,
    turns: u32,
    pub(crate) random: u32,
    pub(crate) timers: Vec<Timer>,
    pub(crate) tasks: Vec<Task<'p>>,
    free: Vec<Slot>,
    pub(crate) lists: [VecDeque<Node>; LINES + 4 + LOCKS],
    pub(crate) closed: [bool; LINES + 1],
    pub(crate) room: VecDeque<u32>,
    pub(crate) set: bool,
    pub(crate) permits: usize,
    pub(crate) holders: [Option<Slot>; LOCKS],
    pub(crate) bits: u32,
    pub(crate) listener: Option<Slot>,
    pub(crate) mail: VecDeque<u32>,
    pub(crate) mail_reader: Option<Slot>,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) handles: Vec<Option<Handle>>,
    pub(crate) remotes: Vec<Handle>,
    pub(crate) values: u32,
    timer_count: u64,
    pub(crate) numbers: u32,
    over: bool,
    log: Vec<Entry>,
}

pub(crate) fn run(program: &Program) -> Vec<Entry> {
    let mut simulation = Simulation {
        program,
        now: 0,
        interrupts: program.interrupts.iter().copied().collect(),
        ready: Default::default(),
        inbox: VecDeque::new(),
        turns: 0,
        random: 0,
        timers: Vec::new(),
        tasks: (0..=TASKS).map(|_| Task::new(Life::Free, 0, None, 0)).collect(),
        free: (0..TASKS).rev().collect(),
        lists: Default::default(),
        closed: Default::default(),
        room: VecDeque::new(),
        set: false,
        permits: PERMITS,
        holders: Default::default(),
        bits: 0,
        listener: None,
        mail: VecDeque::new(),
        mail_reader: None,
        scopes: Vec::new(),
        handles: Vec::new(),
        remotes: Vec::new(),
        values: 0,
        timer_count: 0,
        numbers: 0,
        over: false,
        log: Vec::new(),
    };
    simulation.tasks[MAIN] = Task::new(Life::Detached, 0, Some(0), 0);
    simulation.begin_body(MAIN);
    while !simulation.over {
        simulation.turn();
    }
    simulation.log
}

impl Task<'_> {
    fn new(life: Life, number: u32, script: Option<usize>, level: usize) -> Self {
        Self {
            number,
            script,
            life,
            generation: 0,
            killed: false,
            thrown: None,
            deadlock: false,
            expired: Vec::new(),
            depth: 0,
            shield: None,
            level,
            own_level: level,
            frames: Vec::new(),
            wait: Wait::Begin,
            shown: false,
            done: None,
            places: [None; 4],
            due: Vec::new(),
            joiner: None,
            joined: None,
            scope: None,
            notified: false,
            kill_asked: false,
        }
    }
}

/// Turns.
impl<'p> Simulation<'p> {
    fn is_ready(&self, slot: Slot) -> bool {
        self.ready.iter().any(|ring| ring.contains(&slot))
    }

    pub(crate) fn append(&mut self, slot: Slot) {
        if !self.is_ready(slot) {
            self.ready[self.tasks[slot].level].push_back(slot);
        }
    }

    pub(crate) fn prepend(&mut self, slot: Slot) {
        if !self.is_ready(slot) {
            self.ready[self.tasks[slot].level].push_front(slot);
        }
    }

    pub(crate) fn unready(&mut self, slot: Slot) {
        self.ready.iter_mut().for_each(|ring| ring.retain(|&other| other != slot));
    }

    pub(crate) fn set_level(&mut self, slot: Slot, level: usize) {
        if self.tasks[slot].level != level {
            let ready = self.is_ready(slot);
            self.unready(slot);
            self.tasks[slot].level = level;
            if ready {
                self.append(slot);
            }
        }
    }

    /// Lets the next task run until it waits or ends.
    fn turn(&mut self) {
        self.collect();
        if self.turns.is_multiple_of(32) {
            self.expire();
        }
        self.turns += 1;
        match self.ready.iter_mut().rev().find_map(VecDeque::pop_front) {
            Some(slot) => self.resume(slot),
            None => self.idle(),
        }
    }

    pub(crate) fn collect(&mut self) {
        while let Some(slot) = self.inbox.pop_front() {
            let task = &mut self.tasks[slot];
            task.notified = false;
            let killed = std::mem::take(&mut task.kill_asked);
            if task.life != Life::Free {
                task.killed |= killed;
                self.append(slot);
            }
        }
    }

    pub(crate) fn expire(&mut self) {
        while let Some(index) = self.first_timer().filter(|&index| self.timers[index].at <= self.now) {
            let Timer { id, slot, scope, .. } = self.timers.remove(index);
            let task = &mut self.tasks[slot];
            task.due.push(id);
            if scope != 0 {
                task.expired.push(scope);
            }
            self.append(slot);
        }
    }

    fn first_timer(&self) -> Option<usize> {
        (0..self.timers.len()).min_by_key(|&index| self.timers[index].at)
    }

    /// No task is ready.
    fn idle(&mut self) {
        let external = |task: &Task<'_>| {
            let waits = matches!(task.wait, Wait::Park | Wait::Signal | Wait::Mail | Wait::Closing(_, _, true));
            task.life != Life::Free && waits
        };
        let first = self.first_timer().map(|index| self.timers[index].at);
        if first.is_none() && !self.tasks.iter().any(external) && self.inbox.is_empty() {
            self.tasks[MAIN].deadlock |= self.tasks[MAIN].shown;
            return self.append(MAIN);
        }
        // The next turn looks at the clock.
        self.turns = self.turns.next_multiple_of(32);
        if !self.inbox.is_empty() || first.is_some_and(|at| at <= self.now) {
            return;
        }
        match [first, self.interrupts.front().map(|&(at, _)| at)].into_iter().flatten().min() {
            Some(then) => self.pass_until(then),
            None => {
                self.handle(Interrupt::Raise(1));
                self.handle(Interrupt::Send);
                self.wake(MAIN);
                for index in 0..self.remotes.len() {
                    self.wake(self.remotes[index].slot);
                }
            }
        }
    }

    pub(crate) fn pass_until(&mut self, then: u64) {
        while let Some((at, interrupt)) = self.interrupts.pop_front_if(|(at, _)| *at <= then) {
            self.now = self.now.max(at);
            self.handle(interrupt);
        }
        self.now = self.now.max(then);
    }

    pub(crate) fn handle(&mut self, interrupt: Interrupt) {
        match interrupt {
            Interrupt::Raise(bits) => {
                self.bits |= bits;
                if let Some(slot) = self.listener {
                    self.wake(slot);
                }
            }
            Interrupt::Send => _ = self.post(0),
            Interrupt::Wake(whose) => {
                if let Some(remote) = self.remote(whose) {
                    self.wake(remote.slot);
                }
            }
            Interrupt::Kill(whose) => _ = self.kill_remotely(whose),
        }
    }

    pub(crate) fn post(&mut self, letter: u32) -> bool {
        let fits = self.mail.len() < ROOM;
        if fits {
            self.mail.push_back(letter);
            if let Some(slot) = self.mail_reader {
                self.wake(slot);
            }
        }
        fits
    }

    fn remote(&self, whose: Whose) -> Option<Handle> {
        self.remotes.get(usize::from(whose) % self.remotes.len().max(1)).copied()
    }

    fn wake(&mut self, slot: Slot) {
        if !std::mem::replace(&mut self.tasks[slot].notified, true) {
            self.inbox.push_back(slot);
        }
    }

    pub(crate) fn kill_remotely(&mut self, whose: Whose) -> bool {
        self.remote(whose).is_some_and(|remote| self.ask_kill(remote))
    }

    pub(crate) fn ask_kill(&mut self, remote: Handle) -> bool {
        let task = &self.tasks[remote.slot];
        // Its body may be over while it waits for its last turn.
        let there = task.generation == remote.generation && !matches!(task.wait, Wait::Result(_));
        if there {
            self.tasks[remote.slot].kill_asked = true;
            self.wake(remote.slot);
        }
        there
    }
}

/// Timers and reasons to stop.
impl Simulation<'_> {
    /// The point in time of the next timer.
    pub(crate) fn time(&mut self, least: u64) -> u64 {
        let number = self.timer_count % MOST_TIMERS;
        self.timer_count += 1;
        let mut at = self.now + least;
        while at % MOST_TIMERS != number {
            at += (number + MOST_TIMERS - at % MOST_TIMERS) % MOST_TIMERS;
        }
        at
    }

    pub(crate) fn start(&mut self, at: u64, slot: Slot, scope: u8) -> u64 {
        let id = self.timer_count;
        self.timers.push(Timer { at, id, slot, scope });
        id
    }

    /// Returns whether it has ended.
    pub(crate) fn stop_timer(&mut self, slot: Slot, id: u64) -> bool {
        self.timers.retain(|timer| timer.id != id);
        let due = &mut self.tasks[slot].due;
        let before = due.len();
        due.retain(|&other| other != id);
        before != due.len()
    }

    pub(crate) fn check(&mut self, slot: Slot) -> Result<(), End> {
        self.collect();
        if self.tasks[slot].depth != 0 {
            self.expire();
        }
        self.check_seen(slot)
    }

    pub(crate) fn check_seen(&mut self, slot: Slot) -> Result<(), End> {
        let task = &mut self.tasks[slot];
        if std::mem::take(&mut task.deadlock) {
            return Err(End::Deadlock);
        }
        if task.shield.is_none() {
            if task.killed {
                return Err(End::Killed);
            }
            if let Some(error) = task.thrown.take() {
                return Err(End::Error(error));
            }
        }
        let outermost = task.expired.iter().filter(|&&depth| depth > task.shield.unwrap_or(0)).min();
        outermost.map_or(Ok(()), |&depth| Err(End::Timeout(depth)))
    }
}

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

    fn begin_body(&mut self, slot: Slot) {
        let script = self.tasks[slot].script.unwrap_or_default();
        let steps = &self.program.scripts[script];
        self.tasks[slot].frames.push(Frame { steps, at: 0, kind: Kind::Body });
        self.run(slot, Flow::Next);
    }

    /// It is the turn of a task that waits.
    fn resume(&mut self, slot: Slot) {
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
    fn run(&mut self, slot: Slot, mut flow: Flow<'p>) {
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
                    self.tasks[slot].shown = !matches!(wait, Wait::Turn(_) | Wait::Yield);
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
