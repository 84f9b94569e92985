//! A program on the hub.

use crate::simulated::log::{Audit, End, Entry, hash};
use crate::simulated::program::{
    Arm, Interrupt, LINES, LOCKS, MOST_TIMERS, Op, PERMITS, Program, ROOM, Step, TASKS, TURN, Whose,
};
use greenlet::StackPool;
use greenlet_hub::{
    Bounded, Channel, Chosen3, Chosen4, Condition, Event, Hub, JoinHandle, Mutex, Platform, Preference, Remote,
    RemoteTask, Semaphore, Signal, Stop, select,
};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

type Task = greenlet_hub::Task<(), u32>;

/// The clock, the interrupts and the idle core of a program.
struct Simulated;

static HUB: Hub<TASKS, (), u32> = Hub::new(&Simulated);
static STACKS: StackPool<TASKS, 65536> = StackPool::new();

/// What handlers use.
struct Outside {
    bell: Signal,
    mail: Remote<u32, ROOM>,
}

impl Default for Outside {
    fn default() -> Self {
        Self { bell: Signal::new().named("bell"), mail: Remote::new().named("mail") }
    }
}

#[derive(Default)]
struct World {
    outside: RefCell<Rc<Outside>>,
    now: Cell<u64>,
    alarm: Cell<Option<u64>>,
    idles: Cell<u32>,
    interrupts: RefCell<VecDeque<(u64, Interrupt)>>,
    main: Cell<Option<RemoteTask>>,
    remotes: RefCell<Vec<RemoteTask>>,
}

thread_local! {
    static WORLD: World = World::default();
}

impl Platform for Simulated {
    fn now(&self) -> u64 {
        WORLD.with(|world| world.now.get())
    }

    fn hertz(&self) -> u32 {
        1_000_000_000
    }

    fn arm(&self, at: Option<u64>) {
        WORLD.with(|world| world.alarm.set(at));
    }

    fn idle(&self, sleep: &mut dyn FnMut() -> bool) {
        if sleep() {
            WORLD.with(World::sleep);
        }
    }
}

impl World {
    /// Passes time until then, with the interrupts on the way.
    fn pass_until(&self, then: u64) {
        let next = || self.interrupts.borrow().front().copied().filter(|(at, _)| *at <= then);
        while let Some((at, interrupt)) = next() {
            self.interrupts.borrow_mut().pop_front();
            self.now.set(self.now.get().max(at));
            self.handle(interrupt);
        }
        self.now.set(self.now.get().max(then));
    }

    fn handle(&self, interrupt: Interrupt) {
        match interrupt {
            Interrupt::Raise(bits) => self.outside.borrow().bell.raise(bits),
            Interrupt::Send => _ = self.outside.borrow().mail.try_send(0),
            Interrupt::Wake(whose) => _ = self.remote(whose).inspect(RemoteTask::wake),
            Interrupt::Kill(whose) => _ = self.remote(whose).map(|remote| remote.kill()),
        }
    }

    fn remote(&self, whose: Whose) -> Option<RemoteTask> {
        let remotes = self.remotes.borrow();
        remotes.get(usize::from(whose) % remotes.len().max(1)).copied()
    }

    /// Until the alarm or an interrupt; with neither, what comes from outside is all of it.
    fn sleep(&self) {
        self.idles.set(self.idles.get() + 1);
        assert!(self.idles.get() < 5_000, "the hub sleeps for ever");
        let interrupt = self.interrupts.borrow().front().map(|(at, _)| *at);
        match [self.alarm.get(), interrupt].into_iter().flatten().min() {
            Some(then) => self.pass_until(then),
            None => {
                self.handle(Interrupt::Raise(1));
                self.handle(Interrupt::Send);
                self.main.get().iter().for_each(RemoteTask::wake);
                self.remotes.borrow().iter().for_each(RemoteTask::wake);
            }
        }
    }
}

/// A value, counted from its creation to its drop.
struct Counted(u32, Rc<Cell<i64>>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.1.set(self.1.get() - 1);
    }
}

/// What the tasks of a program share.
struct Shared {
    program: Program,
    outside: Rc<Outside>,
    values: Cell<u32>,
    alive: Rc<Cell<i64>>,
    timers: Cell<u64>,
    tasks: Cell<u32>,
    log: RefCell<Vec<Entry>>,
    handles: RefCell<Vec<Option<JoinHandle<u32, (), u32>>>>,
    lines: [Channel<Counted, u32>; LINES],
    room: Bounded<Counted, ROOM>,
    locks: [Mutex<u32>; LOCKS],
    permits: Semaphore,
    event: Event,
    condition: Condition,
}

/// Runs it, and returns its log. Panics if something is left.
pub(crate) fn run(program: &Program) -> Vec<Entry> {
    let outside = Rc::new(Outside::default());
    WORLD.with(|world| {
        *world.outside.borrow_mut() = outside.clone();
        world.now.set(0);
        world.idles.set(0);
        *world.interrupts.borrow_mut() = program.interrupts.iter().copied().collect();
        world.remotes.borrow_mut().clear();
    });
    let line = |name, preference| Channel::new().named(name).preferring(preference);
    let shared = Rc::new(Shared {
        program: program.clone(),
        outside,
        values: Cell::new(0),
        alive: Rc::default(),
        timers: Cell::new(0),
        tasks: Cell::new(0),
        log: RefCell::default(),
        handles: RefCell::default(),
        lines: [
            line("line0", Preference::Receiver),
            line("line1", Preference::Neither),
            line("line2", Preference::Sender),
            line("line3", Preference::Both),
        ],
        room: Bounded::new().named("room"),
        locks: ["lock0", "lock1", "lock2"].map(|name| Mutex::new(0).named(name)),
        permits: Semaphore::new(PERMITS).named("permits"),
        event: Event::new().named("event"),
        condition: Condition::new().named("condition"),
    });
    let ran = HUB.run(|main| {
        WORLD.with(|world| world.main.set(Some(main.remote())));
        shared.body(main, 0, 0)
    });
    assert!(ran.is_ok(), "the hub could not run");
    assert_eq!(STACKS.free(), TASKS, "stacks at the end");
    shared.handles.borrow_mut().clear();
    let shared = Rc::try_unwrap(shared).ok().expect("no task has it");
    drop((shared.lines, shared.room));
    assert_eq!(shared.alive.get(), 0, "values that were not dropped, or twice");
    shared.log.into_inner()
}

pub(crate) const NAMES: [&str; 8] = ["main", "one", "two", "three", "four", "five", "six", "seven"];

impl Shared {
    fn body(self: &Rc<Self>, me: &Task, number: u32, script: usize) -> Result<u32, Stop<u32>> {
        let result = self.block(me, number, &self.program.scripts[script]);
        self.say(me, number, &result.as_ref().map(|()| 0).map_err(Clone::clone));
        result.map(|()| number)
    }

    fn block(self: &Rc<Self>, me: &Task, number: u32, steps: &[Step]) -> Result<(), Stop<u32>> {
        for step in steps {
            let outcome = self.op(me, number, &step.op);
            self.say(me, number, &outcome);
            match outcome {
                Err(stop) if !step.swallows => return Err(stop),
                _ => {}
            }
        }
        Ok(())
    }

    fn say(&self, me: &Task, task: u32, outcome: &Result<u32, Stop<u32>>) {
        let audit = Audit {
            balances: self.lines.each_ref().map(|line| line.balance(me)),
            room: self.room.count(me),
            is_set: self.event.is_set(me),
            free_stacks: STACKS.free(),
            values: self.alive.get(),
        };
        let outcome = outcome.as_ref().copied().map_err(End::from);
        self.log.borrow_mut().push(Entry { task, now: me.now().ticks(), outcome, audit });
    }

    fn value(&self) -> Counted {
        self.values.set(self.values.get() + 1);
        self.alive.set(self.alive.get() + 1);
        Counted(self.values.get(), self.alive.clone())
    }

    /// The time from now to the next point that has the number of this timer as remainder.
    fn time(&self, least: u64) -> Duration {
        let number = self.timers.replace(self.timers.get() + 1) % MOST_TIMERS;
        let least_at = WORLD.with(|world| world.now.get()) + least;
        Duration::from_nanos(least + (number + MOST_TIMERS - least_at % MOST_TIMERS) % MOST_TIMERS)
    }

    /// The index of a handle that is there.
    fn whose(&self, whose: Whose) -> Option<usize> {
        let handles = self.handles.borrow();
        let there: Vec<_> = (0..handles.len()).filter(|&index| handles[index].is_some()).collect();
        there.get(usize::from(whose) % there.len().max(1)).copied()
    }

    fn handle(&self, whose: Whose) -> Option<JoinHandle<u32, (), u32>> {
        let index = self.whose(whose)?;
        self.handles.borrow_mut()[index].take()
    }

    fn with_handle(&self, whose: Whose, each: impl FnOnce(&JoinHandle<u32, (), u32>)) -> u32 {
        let Some(index) = self.whose(whose) else { return 0 };
        self.handles.borrow()[index].as_ref().map_or(0, |handle| {
            each(handle);
            1
        })
    }

    fn number(&self) -> u32 {
        self.tasks.set(self.tasks.get() + 1);
        self.tasks.get()
    }

    fn spawn(self: &Rc<Self>, me: &Task, script: usize, level: u8) -> Result<u32, Stop<u32>> {
        let (shared, number) = (self.clone(), self.number());
        let builder = me.build(&STACKS).name(NAMES[script]).level(level);
        let handle = builder.spawn(move |me| shared.body(me, number, script));
        let handle = handle.map_err(|refused| Stop::Spawn(refused.reason))?;
        WORLD.with(|world| world.remotes.borrow_mut().push(handle.remote()));
        self.handles.borrow_mut().push(Some(handle));
        Ok(number)
    }

    fn sent(&self, id: u32, sent: Result<(), greenlet::Refused<Stop<u32>, Counted>>) -> Result<u32, Stop<u32>> {
        sent.map(|()| id).map_err(|refused| {
            assert_eq!(refused.returned.0, id, "another value came back");
            refused.reason
        })
    }

    /// A step. The outcome has the number of the value that was received, for instance.
    fn op(self: &Rc<Self>, me: &Task, number: u32, op: &Op) -> Result<u32, Stop<u32>> {
        let zero = |()| 0;
        let done = |act: &dyn Fn()| {
            act();
            Ok(0)
        };
        let block = |steps: &[Step]| self.block(me, number, steps).map(zero);
        match op {
            Op::Work(time) => done(&|| WORLD.with(|world| world.pass_until(world.now.get() + time))),
            Op::Yield => me.yield_now().map(zero),
            Op::Turns(count) => (0..*count)
                .try_for_each(|_| {
                    WORLD.with(|world| world.pass_until(world.now.get() + TURN));
                    me.yield_now()
                })
                .map(zero),
            Op::Check => me.check().map(zero),
            Op::Sleep(time) => me.sleep(self.time(*time)).map(zero),
            Op::Park => me.park().map(zero),
            Op::Wake(whose) => done(&|| WORLD.with(|world| world.handle(Interrupt::Wake(*whose)))),
            Op::KillRemotely(whose) => {
                let remote = WORLD.with(|world| world.remote(*whose));
                Ok(remote.is_some_and(|remote| remote.kill()).into())
            }
            Op::Kill(whose) => Ok(self.with_handle(*whose, JoinHandle::kill)),
            Op::Throw(whose) => Ok(self.with_handle(*whose, |handle| _ = handle.throw(self.value_number()))),
            Op::Join(whose) => match self.handle(*whose) {
                None => Ok(0),
                Some(handle) => match handle.join(me)? {
                    Ok(number) => Ok(number),
                    Err(stop) => Ok(hash(&format!("{:?}", End::from(&stop)))),
                },
            },
            Op::Detach(whose) => Ok(self.handle(*whose).is_some().into()),
            Op::Report => Ok(hash(&me.report().to_string())),
            Op::Send(line) => {
                let value = self.value();
                self.sent(value.0, self.lines[*line].send(me, value))
            }
            Op::SendError(line) => {
                let error = self.value_number();
                Ok(self.lines[*line].send_error(me, error).map(|()| error)?)
            }
            Op::TrySend(line) => Ok(self.lines[*line].try_send(me, self.value()).is_ok().into()),
            Op::Receive(line) => self.lines[*line].receive(me).map(|value| value.0),
            Op::TryReceive(line) => self.lines[*line].try_receive(me).map(|value| value.map_or(0, |value| value.0)),
            Op::Close(line) => done(&|| self.lines[*line].close(me)),
            Op::Put => {
                let value = self.value();
                self.sent(value.0, self.room.send(me, value))
            }
            Op::TryPut => Ok(self.room.try_send(me, self.value()).is_ok().into()),
            Op::Take => self.room.receive(me).map(|value| value.0),
            Op::TryTake => self.room.try_receive(me).map(|value| value.map_or(0, |value| value.0)),
            Op::CloseRoom => done(&|| self.room.close(me)),
            Op::Set => done(&|| self.event.set(me)),
            Op::Clear => done(&|| self.event.clear(me)),
            Op::WaitSet => self.event.wait(me).map(zero),
            Op::Raise(bits) => done(&|| self.outside.bell.raise(*bits)),
            Op::TakeBits => Ok(self.outside.bell.take()),
            Op::WaitSignal => self.outside.bell.wait(me),
            Op::SendRemotely => Ok(self.outside.mail.try_send(self.value_number()).is_ok().into()),
            Op::ReceiveRemote => self.outside.mail.receive(me),
            Op::Acquire(steps) => {
                let _permit = self.permits.acquire(me)?;
                block(steps)
            }
            Op::TryAcquire(steps) => match self.permits.try_acquire(me) {
                Some(_permit) => block(steps),
                None => Ok(1),
            },
            Op::AddPermit => done(&|| self.permits.add(me)),
            Op::Lock(lock, steps) => {
                let guard = self.locks[*lock].lock(me)?;
                self.locked(guard, || block(steps))
            }
            Op::TryLock(lock, steps) => match self.locks[*lock].try_lock(me) {
                Some(guard) => self.locked(guard, || block(steps)),
                None => Ok(1),
            },
            Op::WaitCondition(steps) => {
                let guard = self.locks[0].lock(me)?;
                let guard = self.condition.wait(me, guard)?;
                self.locked(guard, || block(steps))
            }
            Op::NotifyOne => done(&|| self.condition.notify_one(me)),
            Op::NotifyAll => done(&|| self.condition.notify_all(me)),
            Op::Select(arms) => self.select(me, arms),
            Op::Timeout(time, steps) => {
                me.with_timeout(self.time(*time), || block(steps)).map(|done| if done.is_some() { 0 } else { 1 })
            }
            Op::Shield(steps) => me.shield(|| block(steps)),
            Op::Scope(children, steps) => me.scope(|scope| {
                for &script in children {
                    let child_number = self.number();
                    scope.spawn(&STACKS, move |me| {
                        WORLD.with(|world| world.remotes.borrow_mut().push(me.remote()));
                        self.body(me, child_number, script).map(drop)
                    })?;
                }
                block(steps)
            }),
            Op::Spawn(script, level) => self.spawn(me, *script, *level),
            Op::Settle => {
                loop {
                    WORLD.with(|world| world.remotes.borrow().iter().for_each(|remote| _ = remote.kill()));
                    self.handles.borrow_mut().clear();
                    if STACKS.free() == TASKS {
                        break;
                    }
                    _ = me.shield(|| me.sleep(self.time(1_000)));
                }
                assert!(self.locks.iter().all(|lock| lock.try_lock(me).is_some()), "a lock is held");
                let permits: Vec<_> = std::iter::from_fn(|| self.permits.try_acquire(me)).collect();
                Ok(permits.len() as u32)
            }
        }
    }

    fn value_number(&self) -> u32 {
        self.values.set(self.values.get() + 1);
        self.values.get()
    }

    fn locked(
        &self,
        mut guard: greenlet_hub::Guard<'_, u32>,
        steps: impl FnOnce() -> Result<u32, Stop<u32>>,
    ) -> Result<u32, Stop<u32>> {
        *guard += 1;
        let before = *guard;
        let result = steps();
        assert_eq!(*guard, before, "the lock is held by one task");
        result
    }

    /// The outcome has the index of the arm, and what it gave.
    fn select(&self, me: &Task, arms: &[Arm]) -> Result<u32, Stop<u32>> {
        let receive = |line: usize| self.lines[line].receiving();
        let send = |line: usize| self.lines[line].sending(self.value());
        let got = |arm: u32, value: Result<Counted, Stop<u32>>| Ok(arm * ARM + value?.0);
        let sent =
            |arm: u32, sent: Result<(), greenlet::Refused<Stop<u32>, Option<Counted>>>| Ok(sent.map(|()| arm * ARM)?);
        match *arms {
            [Arm::Receive(one), Arm::Receive(other)] => {
                let (arm, value) = select(me, [receive(one), receive(other)])?;
                got(arm as u32, value)
            }
            [Arm::Receive(one), Arm::Send(other), Arm::Sleep(time)] => {
                match select(me, (receive(one), send(other), me.sleeping(self.time(time))))? {
                    Chosen3::First(value) => got(0, value),
                    Chosen3::Second(done) => sent(1, done),
                    Chosen3::Third(()) => Ok(2 * ARM),
                }
            }
            [Arm::Send(one), Arm::Set, Arm::Join(whose)] => self.with_taken(whose, |handle| {
                match select(me, (send(one), self.event.setting(), handle.joining()))? {
                    Chosen3::First(done) => sent(0, done),
                    Chosen3::Second(()) => Ok(ARM),
                    Chosen3::Third(()) => Ok(2 * ARM),
                }
            }),
            [Arm::Join(whose), Arm::Receive(one), Arm::Sleep(time), Arm::Set] => self.with_taken(whose, |handle| {
                let late = me.sleeping(self.time(time));
                match select(me, (handle.joining(), receive(one), late, self.event.setting()))? {
                    Chosen4::First(()) => Ok(0),
                    Chosen4::Second(value) => got(1, value),
                    Chosen4::Third(()) => Ok(2 * ARM),
                    Chosen4::Fourth(()) => Ok(3 * ARM),
                }
            }),
            _ => {
                let (arm, done) = select(me, [0, 1, 2, 3].map(send))?;
                sent(arm as u32, done)
            }
        }
    }

    /// With a handle that is out of the table meanwhile; without one, nothing happens.
    fn with_taken(
        &self,
        whose: Whose,
        with: impl FnOnce(&mut JoinHandle<u32, (), u32>) -> Result<u32, Stop<u32>>,
    ) -> Result<u32, Stop<u32>> {
        let Some(index) = self.whose(whose) else { return Ok(0) };
        let Some(mut handle) = self.handle(whose) else { return Ok(0) };
        let result = with(&mut handle);
        if let Some(place) = self.handles.borrow_mut().get_mut(index) {
            *place = Some(handle);
        }
        result
    }
}

/// In the outcome of a select: what each arm before the chosen one counts.
pub(crate) const ARM: u32 = 1_000_000;
