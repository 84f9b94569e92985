//! Random programs of safe code that does what it should not: tasks panic, forget guards, handles and permits, throw, cancel,
//! switch and give other parents by the kernel, and have values whose `default` panics. After each, every value has been dropped
//! once, every stack is free, and the next run has all its tasks.
#![cfg(feature = "std")]

use greenlet::{Greenlet, StackPool};
use greenlet_hub::{
    Bounded, Channel, Condition, Event, Hub, JoinHandle, Mutex, Platform, Preference, Remote, RemoteTask, Semaphore,
    Signal, Stop, Task, select,
};
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

/// What a program does beside the usual; a program has some of these.
const PANICS: u64 = 1;
const KERNEL: u64 = 2;
const DEFAULTS: u64 = 4;

const TASKS: usize = 10;
const ALL: usize = 24;

thread_local! {
    static NOW: Cell<u64> = const { Cell::new(0) };
    static ALARM: Cell<Option<u64>> = const { Cell::new(None) };
    /// After how many values the next `default` panics.
    static ARMED: Cell<Option<u64>> = const { Cell::new(None) };
}

/// A clock that jumps to the alarm when the hub sleeps. Without an alarm, handlers run.
struct Clock;

impl Platform for Clock {
    fn now(&self) -> u64 {
        NOW.get()
    }

    fn hertz(&self) -> u32 {
        1_000_000
    }

    fn arm(&self, at: Option<u64>) {
        ALARM.set(at);
    }

    fn idle(&self, sleep: &mut dyn FnMut() -> bool) {
        if !sleep() {
            return;
        }
        match ALARM.get() {
            Some(alarm) => NOW.set(NOW.get().max(alarm)),
            None => handle(),
        }
    }
}

struct Value;

impl Default for Value {
    fn default() -> Self {
        match ARMED.take() {
            Some(0) if !std::thread::panicking() => panics(),
            Some(more) => ARMED.set(Some(more.saturating_sub(1))),
            None => {}
        }
        Self
    }
}

fn panics() -> ! {
    resume_unwind(Box::new("hostile"))
}

/// A value, counted from its creation to its drop.
struct Counted(Rc<Cell<i64>>);

impl Counted {
    fn new(shared: &Shared) -> Self {
        shared.alive.set(shared.alive.get() + 1);
        Self(shared.alive.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

type Me = Task<Value, Counted>;
type Outcome = Result<(), Stop<Counted>>;

static HUB: Hub<TASKS, Value, Counted> = Hub::new(&Clock);
static STACKS: StackPool<ALL, 131_072> = StackPool::new();
static LINES: [Channel<Counted, Counted>; 3] =
    [Channel::new(), Channel::new().preferring(Preference::Both), Channel::new().preferring(Preference::Sender)];
static ROOM: Bounded<u64, 2> = Bounded::new();
static LOCKS: [Mutex<u32>; 2] = [const { Mutex::new(0) }; 2];
static PERMITS: Semaphore = Semaphore::new(2);
static EVENT: Event = Event::new();
static CHANGED: Condition = Condition::new();
static SIGNAL: Signal = Signal::new();
static REMOTE: Remote<u64, 4> = Remote::new();

/// What a handler does: it ends waits for events from outside.
fn handle() {
    SIGNAL.raise(1);
    let _full = REMOTE.try_send(1);
}

#[derive(Clone)]
struct Shared {
    alive: Rc<Cell<i64>>,
    remotes: Rc<RefCell<Vec<RemoteTask>>>,
    handles: Rc<RefCell<Vec<JoinHandle<u64, Value, Counted>>>>,
    manner: u64,
}

fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state >> 16
}

fn time(state: &mut u64) -> Duration {
    Duration::from_micros(random(state) % 200)
}

/// The greenlet of some task.
fn some(me: &Me, state: &mut u64) -> Option<Greenlet<Value, Counted>> {
    let row = random(state) as usize % me.report().rows().count();
    me.report().rows().nth(row).and_then(|row| row.greenlet())
}

/// An operation of the kernel on a task.
fn kernel(me: &Me, state: &mut u64, shared: &Shared) {
    let Some(task) = some(me, state) else { return };
    match random(state) % 9 {
        0 => drop(task.switch(Value)),
        1 => drop(task.throw(Counted::new(shared))),
        2 => drop(task.kill()),
        3 => drop(task.cancel()),
        4 => _ = some(me, state).map(|parent| task.set_parent(&parent)),
        5 => _ = task.set_run(|_me, value| Ok(value)),
        6 => drop(task.switch_away(Value)),
        7 => {
            let weak = task.downgrade();
            drop(task);
            drop(weak.switch(Value));
        }
        _ => {
            let generator = me.greenlet().spawn(&STACKS, move |me, _value| {
                task.switch(Value)?;
                me.up(Value)
            });
            drop(generator.map(|generator| generator.switch(Value)));
        }
    }
}

/// An operation on the handle of a task.
fn handle_of(me: &Me, state: &mut u64, shared: &Shared, line: &Channel<Counted, Counted>) -> Outcome {
    let Some(mut handle) = shared.handles.borrow_mut().pop() else { return Ok(()) };
    let mut outcome = Ok(());
    match random(state) % 6 {
        0 => return handle.join(me).map(drop),
        1 => {
            handle.kill();
            return Ok(());
        }
        2 => {
            mem::forget(handle);
            return Ok(());
        }
        3 => drop(handle.throw(Counted::new(shared))),
        4 => outcome = select(me, (handle.joining(), me.sleeping(time(state)), line.receiving())).map(drop),
        _ => {}
    }
    shared.handles.borrow_mut().insert(0, handle);
    outcome
}

/// Tasks that borrow; some wait by the task of their parent.
fn scope(me: &Me, state: &mut u64, shared: &Shared, depth: u32) -> Outcome {
    let (steps, line) = (Cell::new(0), Channel::<u32, Counted>::new());
    let mut states = [random(state) | 1, random(state) | 1, random(state) | 1];
    let count = 1 + random(state) as usize % 3;
    me.scope(|scope| {
        for state in states.iter_mut().take(count) {
            let (steps, line) = (&steps, &line);
            let body = move |child: &Me| {
                for _ in 0..4 {
                    steps.set(steps.get() + 1);
                    // With a task that the kernel has resumed, that would wait until the other one ends.
                    let borrowed = random(state).is_multiple_of(6) && shared.manner & KERNEL == 0;
                    let by = if borrowed { me } else { child };
                    let outcome = child.with_timeout(Duration::from_micros(300), || match random(state) % 3 {
                        0 => Ok(line.send(by, 1)?),
                        1 => line.receive(by).map(drop),
                        _ => operation(by, state, shared, depth + 1),
                    });
                    if let Err(Stop::Killed) = outcome {
                        return Err(Stop::Killed);
                    }
                }
                Ok(())
            };
            drop(scope.spawn(&STACKS, body));
        }
        operation(me, state, shared, depth + 1)
    })
}

fn operation(me: &Me, state: &mut u64, shared: &Shared, depth: u32) -> Outcome {
    let line = &LINES[random(state) as usize % 3];
    match random(state) % 29 {
        0 => me.yield_now(),
        1 => me.sleep(time(state)),
        2 | 3 => Ok(line.send(me, Counted::new(shared))?),
        4 | 5 => line.receive(me).map(drop),
        6 => {
            let guard = LOCKS[random(state) as usize % 2].lock(me)?;
            let slept = me.sleep(time(state));
            if random(state).is_multiple_of(16) {
                mem::forget(guard);
            }
            slept
        }
        7 => {
            let permit = PERMITS.acquire(me)?;
            let outcome = me.yield_now();
            if random(state).is_multiple_of(16) {
                mem::forget(permit);
            }
            outcome
        }
        8 => {
            EVENT.set(me);
            EVENT.clear(me);
            Ok(())
        }
        9 => EVENT.wait(me),
        10 if depth < 3 => me.with_timeout(time(state), || operation(me, state, shared, depth + 1)).map(drop),
        11 => {
            let value = Counted::new(shared);
            select(me, (line.receiving(), LINES[0].sending(value), me.sleeping(time(state)))).map(drop)
        }
        12 => {
            let remotes = shared.remotes.borrow();
            let killed = random(state) as usize % (4 * remotes.len() + 1);
            remotes.get(killed).map(RemoteTask::kill);
            Ok(())
        }
        13 => {
            handle();
            Ok(())
        }
        14 => SIGNAL.wait(me).map(drop),
        15 => REMOTE.receive(me).map(drop),
        16 => CHANGED.wait(me, LOCKS[0].lock(me)?).map(drop),
        17 => {
            CHANGED.notify_one(me);
            Ok(())
        }
        18 if shared.manner & PANICS != 0 && random(state).is_multiple_of(8) => panics(),
        19 => Ok(ROOM.send(me, 7)?),
        20 => ROOM.receive(me).map(drop),
        21 => Ok(line.send_error(me, Counted::new(shared))?),
        22 if depth < 2 => me.shield(|| {
            let limit = Duration::from_micros(100);
            me.with_timeout(limit, || operation(me, state, shared, depth + 1)).map(drop)
        }),
        23 => handle_of(me, state, shared, line),
        24 if depth < 2 => scope(me, state, shared, depth),
        25 => {
            let (state, level, inside) = (random(state) | 1, random(state) as u8 % 3, shared.clone());
            let spawned = me.build(&STACKS).level(level).spawn(move |me| body(me, state, &inside, 5));
            shared.handles.borrow_mut().extend(spawned.ok());
            Ok(())
        }
        26 | 27 if shared.manner & KERNEL != 0 => {
            kernel(me, state, shared);
            Ok(())
        }
        26 if shared.manner & DEFAULTS != 0 => {
            ARMED.set(Some(random(state) % 6));
            Ok(())
        }
        _ => {
            let mut polls = random(state) % 4;
            me.wait(poll_fn(|context| {
                if polls == 0 {
                    return Poll::Ready(());
                }
                polls -= 1;
                context.waker().wake_by_ref();
                let _stopped = me.yield_now();
                Poll::Pending
            }))
        }
    }
}

fn body(me: &Me, mut state: u64, shared: &Shared, operations: u32) -> Result<u64, Stop<Counted>> {
    for _ in 0..operations {
        let outcome = me.with_timeout(Duration::from_micros(500), || operation(me, &mut state, shared, 0));
        if let Err(Stop::Killed) = outcome {
            return Err(Stop::Killed);
        }
    }
    Ok(7)
}

fn program(seed: u64, manner: u64) {
    let what = format!("seed {seed}, manner {manner}");
    NOW.set(0);
    ARMED.set(None);
    let shared = Shared { alive: Rc::default(), remotes: Rc::default(), handles: Rc::default(), manner };
    let run = || {
        HUB.run(|main| {
            let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            for number in 0..6 {
                let (state, inside) = (random(&mut state) | 1, shared.clone());
                let builder = main.build(&STACKS).level(number % 3);
                let task = builder.spawn(move |me| body(me, state, &inside, 12)).ok().unwrap();
                shared.remotes.borrow_mut().push(task.remote());
                shared.handles.borrow_mut().push(task);
            }
            // Main gets the panics. A second one while a scope of main ends would end the program, so it has none then.
            let depth = if manner & (PANICS | DEFAULTS) != 0 { 2 } else { 0 };
            for _ in 0..40 {
                let operation =
                    || main.with_timeout(Duration::from_micros(500), || operation(main, &mut state, &shared, depth));
                drop(catch_unwind(AssertUnwindSafe(operation)));
            }
        })
        .is_ok()
    };
    let ran = catch_unwind(AssertUnwindSafe(run));
    assert!(ran.unwrap_or(true), "{what}: the run is refused");
    ARMED.set(None);
    shared.handles.borrow_mut().clear();
    assert_eq!(shared.alive.get(), 0, "{what}: values that were not dropped, or twice");
    assert_eq!(Rc::strong_count(&shared.alive), 1, "{what}: a body that was not dropped");
    assert_eq!(STACKS.free(), ALL, "{what}");
    let next = HUB.run(|main| {
        while let Ok(Some(_)) = ROOM.try_receive(main) {}
        assert!(LINES.iter().all(|line| line.balance(main) == 0), "{what}");
        assert!(LOCKS.iter().all(|lock| lock.try_lock(main).is_some()), "{what}");
        let tasks: Vec<_> = (0..TASKS)
            .map(|number| {
                main.spawn(&STACKS, move |me| {
                    me.yield_now()?;
                    Ok(number)
                })
            })
            .collect();
        for (number, task) in tasks.into_iter().enumerate() {
            assert!(matches!(task.ok().unwrap().join(main), Ok(Ok(joined)) if joined == number), "{what}");
        }
    });
    assert!(next.is_ok(), "{what}: the next run is refused");
}

#[test]
fn programs_that_do_what_they_should_not_break_nothing() {
    let seeds = std::env::var("HUB_SEEDS").ok().and_then(|text| text.parse().ok());
    // Not panics and operations of the kernel together: with another parent, a task gets two panics as well.
    for manner in [0, PANICS, KERNEL, DEFAULTS, PANICS | DEFAULTS] {
        (1..=seeds.unwrap_or(150)).for_each(|seed| program(seed, manner));
    }
}
