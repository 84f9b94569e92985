//! Random programs, as data that the hub and the simulation both run.

/// How many tasks a program may have at a time, and of what there is more than one.
pub(crate) const TASKS: usize = 7;
pub(crate) const LINES: usize = 4;
pub(crate) const LOCKS: usize = 3;
pub(crate) const PERMITS: usize = 2;
/// Of the bounded channel, and of the remote one.
pub(crate) const ROOM: usize = 2;
/// Every point in time at which a timer ends has the timer's number as remainder: so no two end at once, when the order
/// would be that of a heap.
pub(crate) const MOST_TIMERS: u64 = 4096;

/// What a turn of [`Op::Turns`] takes.
pub(crate) const TURN: u64 = 700;

/// A task: the handle with this number, of those that there are.
pub(crate) type Whose = u8;

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Work(u64),
    Yield,
    /// Yields that often, and each time takes a while.
    Turns(u8),
    Check,
    Sleep(u64),
    Park,
    Wake(Whose),
    KillRemotely(Whose),
    Kill(Whose),
    Throw(Whose),
    Join(Whose),
    Detach(Whose),
    Report,
    Send(usize),
    SendError(usize),
    TrySend(usize),
    Receive(usize),
    TryReceive(usize),
    Close(usize),
    Put,
    TryPut,
    Take,
    TryTake,
    CloseRoom,
    Set,
    Clear,
    WaitSet,
    Raise(u32),
    TakeBits,
    WaitSignal,
    SendRemotely,
    ReceiveRemote,
    Acquire(Vec<Step>),
    TryAcquire(Vec<Step>),
    AddPermit,
    Lock(usize, Vec<Step>),
    TryLock(usize, Vec<Step>),
    /// With the lock 0 held: waits for the condition, then runs the steps with the lock.
    WaitCondition(Vec<Step>),
    NotifyOne,
    NotifyAll,
    Select(Vec<Arm>),
    Timeout(u64, Vec<Step>),
    Shield(Vec<Step>),
    Scope(Vec<usize>, Vec<Step>),
    /// A script, and its level.
    Spawn(usize, u8),
    /// Kills all other tasks and waits until they have ended. Main's last.
    Settle,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Arm {
    Receive(usize),
    Send(usize),
    Set,
    Sleep(u64),
    Join(Whose),
}

/// What a handler does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Interrupt {
    Raise(u32),
    Send,
    Wake(Whose),
    Kill(Whose),
}

#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) op: Op,
    /// Whether the code goes on after a reason to stop.
    pub(crate) swallows: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// The first is main's.
    pub(crate) scripts: Vec<Vec<Step>>,
    /// In the order of time.
    pub(crate) interrupts: Vec<(u64, Interrupt)>,
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % limit
    }

    fn time(&mut self) -> u64 {
        match self.below(4) {
            0 => 0,
            1 => self.below(5_000) as u64,
            _ => self.below(60_000) as u64,
        }
    }

    fn whose(&mut self) -> Whose {
        self.below(12) as Whose
    }

    /// The shapes that `real::select` has.
    fn arms(&mut self) -> Vec<Arm> {
        let (one, other, time, whose) = (self.below(LINES), self.below(LINES), self.time(), self.whose());
        match self.below(5) {
            0 => vec![Arm::Receive(one), Arm::Receive(other)],
            1 => vec![Arm::Receive(one), Arm::Send(other), Arm::Sleep(time)],
            2 => vec![Arm::Send(one), Arm::Set, Arm::Join(whose)],
            3 => vec![Arm::Join(whose), Arm::Receive(one), Arm::Sleep(time), Arm::Set],
            _ => (0..LINES).map(Arm::Send).collect(),
        }
    }

    fn op(&mut self, depth: usize, later: &[usize]) -> Op {
        let line = self.below(LINES);
        match self.below(if depth < 4 { 64 } else { 50 }) {
            0..3 => Op::Yield,
            3 if self.below(4) == 0 => Op::Turns(self.below(100) as u8),
            3 => Op::Check,
            4..7 => Op::Sleep(self.time()),
            7 => Op::Work(self.below(40_000) as u64),
            8 => Op::Park,
            9 => Op::Wake(self.whose()),
            10 => Op::KillRemotely(self.whose()),
            11 => Op::Kill(self.whose()),
            12 => Op::Throw(self.whose()),
            13 => Op::Join(self.whose()),
            14 => Op::Detach(self.whose()),
            15 => Op::Report,
            16..20 => Op::Send(line),
            20 => Op::SendError(line),
            21 => Op::TrySend(line),
            22..26 => Op::Receive(line),
            26 => Op::TryReceive(line),
            27 if self.below(6) == 0 => Op::Close(line),
            27 | 28 => Op::Put,
            29 => Op::TryPut,
            30 | 31 => Op::Take,
            32 => Op::TryTake,
            33 if self.below(6) == 0 => Op::CloseRoom,
            33 | 34 => Op::Set,
            35 => Op::Clear,
            36 => Op::WaitSet,
            37 => Op::Raise(1 << self.below(4)),
            38 => Op::TakeBits,
            39 => Op::WaitSignal,
            40 => Op::SendRemotely,
            41 => Op::ReceiveRemote,
            42 => Op::AddPermit,
            43 => Op::NotifyOne,
            44 => Op::NotifyAll,
            45..48 => Op::Select(self.arms()),
            48 | 49 => match later {
                [] => Op::Yield,
                later => Op::Spawn(later[self.below(later.len())], self.below(4) as u8),
            },
            50..52 => Op::Acquire(self.block(depth + 1, later)),
            52 => Op::TryAcquire(self.block(depth + 1, later)),
            53..57 => Op::Lock(self.below(LOCKS), self.block(depth + 1, later)),
            57 => Op::TryLock(self.below(LOCKS), self.block(depth + 1, later)),
            58 => Op::WaitCondition(self.block(depth + 1, later)),
            59..62 => Op::Timeout(self.time(), self.block(depth + 1, later)),
            // What waits in a shield does so for a time, as nothing else could stop it.
            62 => {
                let block = self.block(depth + 2, later);
                Op::Shield(vec![Step { op: Op::Timeout(self.time(), block), swallows: true }])
            }
            _ => {
                let children = (0..self.below(3)).filter_map(|_| later.get(self.below(later.len().max(1))).copied());
                let children = children.collect();
                Op::Scope(children, self.block(depth + 1, later))
            }
        }
    }

    fn block(&mut self, depth: usize, later: &[usize]) -> Vec<Step> {
        let length = if depth == 0 { 4 + self.below(9) } else { 1 + self.below(3) };
        (0..length).map(|_| Step { op: self.op(depth, later), swallows: self.below(3) == 0 }).collect()
    }
}

impl Program {
    pub(crate) fn random(seed: u64) -> Self {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        for _ in 0..4 {
            random.below(1);
        }
        let count = 2 + random.below(6);
        let indices: Vec<usize> = (0..count).collect();
        let mut scripts: Vec<_> = (0..count).map(|index| random.block(0, &indices[index + 1..])).collect();
        // Main begins with some of the tasks, and goes on after most reasons to stop.
        for step in &mut scripts[0] {
            step.swallows |= random.below(8) != 0;
        }
        let spawns = (1..count).map(|index| Step { op: Op::Spawn(index, random.below(4) as u8), swallows: true });
        let spawns: Vec<_> = spawns.collect();
        scripts[0].splice(0..0, spawns);
        if random.below(2) == 0 {
            scripts[0].push(Step { op: Op::Settle, swallows: true });
        }
        let mut at = 0;
        let interrupts = (0..random.below(8)).map(|_| {
            at += 1 + random.below(60_000) as u64;
            let interrupt = match random.below(4) {
                0 => Interrupt::Raise(1 << random.below(4)),
                1 => Interrupt::Send,
                2 => Interrupt::Wake(random.whose()),
                _ => Interrupt::Kill(random.whose()),
            };
            (at, interrupt)
        });
        Self { interrupts: interrupts.collect(), scripts }
    }

    /// Returns the program without its step, or its interrupt, of this number; `None` if it has fewer.
    pub(crate) fn without(&self, mut number: usize) -> Option<Self> {
        let mut less = self.clone();
        for script in &mut less.scripts {
            if remove(script, &mut number) {
                return Some(less);
            }
        }
        (number < less.interrupts.len()).then(|| {
            less.interrupts.remove(number);
            less
        })
    }
}

/// Removes the step of this number, in the order in which they are written, or counts `number` down.
fn remove(block: &mut Vec<Step>, number: &mut usize) -> bool {
    for index in 0..block.len() {
        if *number == 0 {
            block.remove(index);
            return true;
        }
        *number -= 1;
        let removed = match &mut block[index].op {
            Op::Scope(_, block)
            | Op::Shield(block)
            | Op::Acquire(block)
            | Op::TryAcquire(block)
            | Op::Lock(_, block)
            | Op::TryLock(_, block)
            | Op::WaitCondition(block)
            | Op::Timeout(_, block) => remove(block, number),
            _ => false,
        };
        if removed {
            return true;
        }
    }
    false
}
