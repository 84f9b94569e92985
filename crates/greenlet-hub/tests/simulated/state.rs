//! The rules of the hub as a state machine: what there is of a task, and of all objects.

use crate::simulated::log::{End, Entry};
use crate::simulated::program::{Arm, Interrupt, LINES, LOCKS, PERMITS, Program, Step, TASKS};
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
    /// So many more of them.
    Yield(u8),
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
    /// The task that joins it, and by which arm of a select.
    pub(crate) joiner: Option<(Slot, Option<usize>)>,
    pub(crate) joined: Option<Outcome>,
    pub(crate) scope: Option<usize>,
    pub(crate) notified: bool,
    pub(crate) kill_asked: bool,
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
    pub(crate) slot: Slot,
    pub(crate) scope: u8,
}

pub(crate) struct Simulation<'p> {
    pub(crate) program: &'p Program,
    pub(crate) now: u64,
    pub(crate) interrupts: VecDeque<(u64, Interrupt)>,
    pub(crate) ready: [VecDeque<Slot>; 4],
    pub(crate) inbox: VecDeque<Slot>,
    pub(crate) turns: u32,
    pub(crate) random: u32,
    pub(crate) timers: Vec<Timer>,
    pub(crate) tasks: Vec<Task<'p>>,
    pub(crate) free: Vec<Slot>,
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
    pub(crate) timer_count: u64,
    pub(crate) numbers: u32,
    pub(crate) over: bool,
    pub(crate) log: Vec<Entry>,
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
    pub(crate) fn new(life: Life, number: u32, script: Option<usize>, level: usize) -> Self {
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
