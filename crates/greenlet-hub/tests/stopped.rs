//! Every wait, stopped in every way at every step: each value is dropped once, and none that was handed over or given back
//! is lost. A wait completes or is stopped, never both.
#![cfg(any(feature = "std", miri))]

#[path = "common/clock.rs"]
mod clock;
mod stops;

use clock::Clock;
use greenlet::StackPool;
use greenlet_hub::{Hub, MainTask, Stop};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};
use stops::waits::{Is, WAITS, Wait};
use stops::{Ended, MS, Task, Things, Value, Way};

const TASKS: usize = 5;

static HUB: Hub<TASKS, (), Value> = Hub::new(&Clock);
static STACKS: StackPool<TASKS, 65536> = StackPool::new();

/// The tests share the hub, and run one after the other.
static TURN: Mutex<()> = Mutex::new(());

/// When the stop comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    BeforeItBegins,
    /// The task does it itself, and then waits.
    AtTheEntry,
    WhileItWaits,
    /// It has happened, and the task has not run yet.
    WhenItIsComplete,
    /// The stop first, then it happens, and then the task runs.
    BeforeItIsComplete,
    AfterTheWait,
}

use Step::{AfterTheWait, AtTheEntry, BeforeItBegins, BeforeItIsComplete, WhenItIsComplete, WhileItWaits};

const STEPS: [Step; 6] = [BeforeItBegins, AtTheEntry, WhileItWaits, WhenItIsComplete, BeforeItIsComplete, AfterTheWait];

/// What the wait returned.
#[derive(Clone, Copy, Debug)]
struct Seen {
    completed: bool,
    /// It was stopped for the reason that was given.
    as_told: bool,
    /// The next wait is stopped.
    next: bool,
}

fn body(me: &Task, (wait, way, step): Case, things: &Rc<Things>, outcome: &Cell<Option<Seen>>) -> Ended {
    let _local = things.any();
    let waits = || {
        if step == AtTheEntry {
            way.stop(me, things);
        }
        let ended = (wait.wait)(me, things);
        let (completed, as_told) = (ended.is_ok(), way.is_why(&ended));
        let next = me.check();
        outcome.set(Some(Seen { completed, as_told, next: next.is_err() }));
        see_error(ended);
        see_error(next);
        if step == AfterTheWait && way == Way::Throw {
            way.stop(me, things); // no wait follows that could deliver it
        }
        Ok(())
    };
    match way {
        Way::Timeout => me.with_timeout(MS, waits).map(drop),
        _ => waits(),
    }
}

fn see_error<T>(ended: Result<T, Stop<Value>>) {
    if let Err(Stop::Error(error)) = ended {
        error.see();
    }
}

type Case = (&'static Wait, Way, Step);

/// One wait, stopped in one way at one step, in a run of its own. Returns what the body saw, if it began.
fn stopped(case: Case) -> Option<Seen> {
    let (wait, way, step) = case;
    let things = Rc::new(Things::new());
    let outcome = Rc::new(Cell::new(None));
    let (shared, place) = (things.clone(), outcome.clone());
    let ran = HUB.run(move |main| {
        (wait.prepare)(main, &shared);
        let (inside, captured) = (shared.clone(), shared.any());
        let task = main.build(&STACKS).name("waits").spawn(move |me| {
            let _captured = captured;
            body(me, case, &inside, &place)
        });
        *shared.handle.borrow_mut() = task.ok();
        drive(main, case, &shared);
    });
    assert!(ran.is_ok());
    settle(things, &format!("{} {way:?} {step:?}", wait.name));
    outcome.get()
}

/// After the run: another one takes out what was sent and not received. What is left in a channel is dropped with it.
fn settle(things: Rc<Things>, case: &str) {
    assert_eq!(STACKS.free(), TASKS, "stacks: {case}");
    let ran = HUB.run(|main| {
        things.drain(main);
        _ = things.room.try_send(main, things.any());
    });
    assert!(ran.is_ok());
    for _ in 0..2 {
        _ = things.mail.try_send(things.any());
    }
    let ledger = things.ledger.clone();
    drop(Rc::try_unwrap(things).ok().expect("no task has it"));
    assert!(ledger.is_right(), "{case}: {ledger:?}");
}

/// Lets the other tasks come to their waits.
fn let_run(main: &Task) {
    for _ in 0..4 {
        main.yield_now().unwrap();
    }
}

fn drive(main: &MainTask<(), Value>, (wait, way, step): Case, things: &Rc<Things>) {
    let stop = || way.stop(main, things);
    let complete = || (wait.complete)(main, things);
    if step != BeforeItBegins {
        main.yield_now().unwrap();
    }
    match step {
        BeforeItBegins | WhileItWaits => stop(),
        AtTheEntry => {}
        WhenItIsComplete => {
            complete();
            stop();
        }
        BeforeItIsComplete => {
            stop();
            complete();
        }
        AfterTheWait => {
            complete();
            let_run(main);
            stop();
        }
    }
    if way == Way::Detached {
        things.handle.take();
    }
    if matches!(way, Way::EndOfRun | Way::Detached) {
        return; // the run ends with the task as it is
    }
    let_run(main);
    if things.handle.borrow().as_ref().is_some_and(|task| !task.is_over()) {
        complete();
        let_run(main);
    }
    let task = things.handle.take().expect("the handle");
    task.kill();
    see_error(task.join(main).unwrap());
    things.release.set(main);
    let_run(main);
}

#[test]
fn each_wait_stopped_in_each_way_at_each_step_drops_each_thing_once() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut number, mut cases) = (0, 0);
    for wait in &WAITS {
        for way in Way::ALL {
            for step in STEPS {
                let at_the_end = matches!(way, Way::EndOfRun | Way::Detached);
                let pointless = match step {
                    // There is no scope yet whose time could be over.
                    BeforeItBegins => way == Way::Timeout,
                    AtTheEntry | BeforeItIsComplete => at_the_end || way == Way::Cancel,
                    _ => false,
                };
                number += 1;
                // Under Miri each takes a second or so.
                if !pointless && (!cfg!(miri) || number % 7 == 0) {
                    let seen = stopped((wait, way, step));
                    assert!(is_right(wait, way, step, seen), "{} {way:?} {step:?}: {seen:?}", wait.name);
                    cases += 1;
                }
            }
        }
    }
    println!("{cases} cases");
}

fn is_right(wait: &Wait, way: Way, step: Step, seen: Option<Seen>) -> bool {
    let Some(seen) = seen else {
        return step == BeforeItBegins && !matches!(way, Way::Throw | Way::Timeout | Way::Close | Way::Not);
    };
    let completed = seen.completed && seen.next;
    match (way, step) {
        (Way::Not, _) => seen.completed && !seen.next,
        (Way::Close, _) => seen.completed || seen.as_told, // it concerns some waits only
        // The task that helps ends as well.
        (Way::EndOfRun | Way::Detached, WhileItWaits) if wait.is == Is::Helped => seen.completed || seen.as_told,
        (_, BeforeItBegins | AtTheEntry | WhileItWaits) => seen.as_told && !seen.completed,
        (_, WhenItIsComplete) => wait.is == Is::Loose || completed,
        (_, BeforeItIsComplete) => matches!(wait.is, Is::Loose | Is::Helped) || completed,
        (Way::Timeout, AfterTheWait) => seen.completed,
        (_, AfterTheWait) => seen.completed && !seen.next,
    }
}

#[test]
fn each_wait_of_main_that_no_task_can_complete_drops_each_thing_once() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    for wait in WAITS.iter().filter(|wait| matches!(wait.is, Is::Hopeless | Is::Helped)) {
        let things = Rc::new(Things::new());
        let shared = things.clone();
        let ran = HUB.run(move |main| {
            (wait.prepare)(main, &shared);
            let ended = (wait.wait)(main, &shared);
            assert_eq!(ended.map_err(|stop| matches!(stop, Stop::Deadlock)), Err(true), "{}", wait.name);
            shared.release.set(main);
            shared.other.take();
            let_run(main);
        });
        assert!(ran.is_ok());
        settle(things, wait.name);
    }
}
