//! Misuse: what a program gets, and a message that says what to do instead. Each case is a row of the table in `docs/hub.md`.
#![cfg(feature = "std")]

use greenlet::StackPool;
use greenlet_hub::{
    Await, Bounded, Channel, Condition, Event, Hub, JoinHandle, Mutex, Remote, Semaphore, Signal, Stackful, Stop, Task,
    Threads, select,
};
use std::cell::RefCell;
use std::fmt::{Debug, Display};
use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::mpsc;
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

static PLATFORM: Threads = Threads::new();
static HUB: Hub<2> = Hub::new(&PLATFORM);
static STACKS: StackPool<2, 65536> = StackPool::new();

/// What the program gets, and the message.
type Got = (String, String);

fn error<T>(result: Result<T, impl Debug + Display>) -> Got {
    let error = result.err().expect("it is refused");
    let shown = format!("{error:?}");
    // Its `Debug` has the message as well, behind the name, which may be inside another.
    let (name, _message) = shown.split_once(": \"").unwrap_or((&shown, ""));
    let name = name.to_owned() + &")".repeat(name.matches('(').count() - name.matches(')').count());
    (format!("`{name}`"), error.to_string())
}

fn panics<R>(misuse: impl FnOnce() -> R) -> Got {
    let payload = catch_unwind(AssertUnwindSafe(misuse)).map(drop).expect_err("no panic");
    let text = payload.downcast_ref::<String>().cloned();
    let text = text.or_else(|| payload.downcast_ref::<&str>().map(ToString::to_string));
    ("panic".into(), text.expect("a text"))
}

/// Spawns a task that waits for ever, and lets it do so.
fn waiting<T: 'static>(main: &Task, body: impl FnOnce(&Task) -> Result<T, Stop> + 'static) -> JoinHandle<T> {
    let task = main.spawn(&STACKS, body).unwrap();
    main.yield_now().unwrap();
    task
}

/// What this hub gets from `used`, which is in use by a hub of another thread.
fn of_another_hub(main: &Task, used: impl Fn(&Task) + Send + Sync) -> Got {
    static PLATFORM: Threads = Threads::new();
    static OTHER: Hub<1> = Hub::new(&PLATFORM);
    let (ask, asked) = mpsc::channel();
    let (go, goes) = mpsc::channel::<()>();
    thread::scope(|scope| {
        // Dropped when `panics` fails, so that the other thread ends.
        let go = go;
        let used = &used;
        scope.spawn(move || {
            let ran = OTHER.run(|main| {
                used(main);
                ask.send(()).unwrap();
                goes.recv().unwrap();
            });
            assert!(ran.is_ok());
        });
        asked.recv().unwrap();
        let got = panics(|| used(main));
        go.send(()).unwrap();
        got
    })
}

/// A misuse, in a run of its own.
type Case = (&'static str, fn(&Task) -> Got);

const CASES: [Case; 25] = [
    ("`Hub::run` in a run of the hub", |_main| error(HUB.run(|_main| ()).map_err(|refused| refused.reason))),
    ("`Hub::run` of another hub in it", |_main| {
        static OTHER: Hub<1> = Hub::new(&PLATFORM);
        error(OTHER.run(|_main| ()).map_err(|refused| refused.reason))
    }),
    ("a `Channel` of another hub", |main| {
        static LINE: Channel<u32> = Channel::new();
        of_another_hub(main, |task| _ = LINE.balance(task))
    }),
    ("a `Bounded` of another hub", |main| {
        static ROOM: Bounded<u32, 1> = Bounded::new();
        of_another_hub(main, |task| _ = ROOM.count(task))
    }),
    ("a `Mutex` of another hub", |main| {
        static LOCK: Mutex<u32> = Mutex::new(0);
        of_another_hub(main, |task| drop(LOCK.try_lock(task)))
    }),
    ("an `Event` of another hub", |main| {
        static EVENT: Event = Event::new();
        of_another_hub(main, |task| EVENT.set(task))
    }),
    ("a `Semaphore` of another hub", |main| {
        static PERMITS: Semaphore = Semaphore::new(1);
        of_another_hub(main, |task| PERMITS.add(task))
    }),
    ("a `Condition` of another hub", |main| {
        static CONDITION: Condition = Condition::new();
        of_another_hub(main, |task| CONDITION.notify_one(task))
    }),
    ("a wait with the `&Task` of the parent", |main| {
        error(main.scope(|scope| Ok(scope.spawn(&STACKS, |_me| main.sleep(HOUR))?)))
    }),
    ("a second task that waits for a `Signal`", |main| {
        static BELL: Signal = Signal::new().named("bell");
        let _first = waiting(main, |me| BELL.wait(me));
        error(BELL.wait(main))
    }),
    ("a second task that receives from a `Remote`", |main| {
        static MAIL: Remote<u32, 2> = Remote::new().named("mail");
        let _first = waiting(main, |me| MAIL.receive(me));
        error(MAIL.receive(main))
    }),
    ("a 17th `with_timeout` in one another", |main| {
        fn deeper(main: &Task, depth: u32) -> Result<(), Stop> {
            if depth == 0 { Ok(()) } else { main.with_timeout(HOUR, || deeper(main, depth - 1)).map(drop) }
        }
        deeper(main, 16).unwrap();
        error(deeper(main, 17))
    }),
    ("a lock that the task holds", |main| {
        static LOCK: Mutex<u32> = Mutex::new(0).named("total");
        let _guard = LOCK.lock(main).unwrap();
        error(LOCK.lock(main).map(drop))
    }),
    ("a lock whose holder waits for one of this task", |main| {
        static LOCKS: [Mutex<u32>; 2] = [Mutex::new(0).named("first"), Mutex::new(0).named("second")];
        let _guard = LOCKS[0].lock(main).unwrap();
        let _other = waiting(main, |me| {
            let _guard = LOCKS[1].lock(me)?;
            LOCKS[0].lock(me).map(drop)
        });
        error(LOCKS[1].lock(main).map(drop))
    }),
    ("a `Guard` that is forgotten", |main| {
        static LOCK: Mutex<u32> = Mutex::new(0).named("total");
        let forgets = main.spawn(&STACKS, |me| LOCK.lock(me).map(mem::forget)).unwrap();
        forgets.join(main).unwrap().unwrap();
        error(LOCK.lock(main).map(drop))
    }),
    ("more tasks than the hub has slots", |main| {
        let _tasks = [waiting(main, |me| me.park()), waiting(main, |me| me.park())];
        error(main.spawn(&STACKS, |me| me.park()).map_err(|refused| refused.reason))
    }),
    ("more tasks than the pool has stacks", |main| {
        static ONE: StackPool<1, 65536> = StackPool::new();
        let _task = main.spawn(&ONE, |me| me.park()).unwrap();
        error(main.spawn(&ONE, |me| me.park()).map_err(|refused| refused.reason))
    }),
    ("a spawn when main's closure has returned", |main| {
        let place = Rc::new(RefCell::new(None));
        let got = place.clone();
        let _task = waiting(main, move |me| {
            let _killed = me.park();
            *got.borrow_mut() = Some(error(me.spawn(&STACKS, |me| me.park()).map_err(|refused| refused.reason)));
            Ok(())
        });
        LATE.set(Some(place));
        Default::default()
    }),
    ("a send to a closed channel", |main| {
        let line = Channel::<u32>::new();
        line.close(main);
        line.close(main); // a second time: nothing happens
        error(line.send(main, 7).map_err(|refused| refused.reason))
    }),
    ("a wait for what no task can give", |main| error(Channel::<u32>::new().receive(main))),
    ("a task that joins itself", |main| {
        let own = Rc::new(RefCell::new(None::<JoinHandle<()>>));
        let place = own.clone();
        let task = main.build(&STACKS).name("itself").spawn(move |me| {
            let handle = place.take().expect("its handle");
            handle.join(me)?
        });
        *own.borrow_mut() = task.ok();
        let got = error(Event::new().wait(main));
        assert!(main.report().to_string().contains("itself     waits for the end of itself"));
        got
    }),
    ("a wait after a kill that was swallowed", |main| {
        let task = waiting(main, |me| {
            let _swallowed = me.park();
            me.park()
        });
        task.kill();
        error(task.join(main).unwrap())
    }),
    ("a `select` without arms", |main| panics(|| select(main, &mut [] as &mut [greenlet_hub::Sleep]))),
    ("a `select` of nine arms", |main| panics(|| select(main, [(); 9].map(|()| main.sleeping(HOUR))))),
    ("a `Stackful` that is polled after it was ready", |main| {
        let mut future = pin!(Stackful::new(main.greenlet(), &STACKS, |_: &Await| Ok(())).unwrap());
        let mut poll = || future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(poll().is_ready());
        panics(poll)
    }),
];

thread_local! {
    /// What a task gets when the run ends.
    static LATE: RefCell<Option<Rc<RefCell<Option<Got>>>>> = const { RefCell::new(None) };
}

#[test]
fn each_misuse_gets_the_message_of_the_table() {
    let document = include_str!("../../../docs/hub.md");
    let section = document.split("\n## ").find(|section| section.starts_with("Misuse\n")).expect("the section");
    let table: Vec<_> = section.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    let mut missing = String::new();
    for (misuse, case) in CASES {
        let mut got = HUB.run(|main| case(main)).unwrap();
        if let Some(late) = LATE.take() {
            got = late.take().expect("it was refused");
        }
        assert_eq!(STACKS.free(), 2, "{misuse}");
        let row = format!("| {misuse} | {} | {} |", got.0, got.1);
        if !table.contains(&row.as_str()) {
            missing += &row;
            missing.push('\n');
        }
    }
    assert!(missing.is_empty(), "rows that docs/hub.md lacks:\n{missing}");
    assert_eq!(table.len(), CASES.len(), "rows without a case");
}
