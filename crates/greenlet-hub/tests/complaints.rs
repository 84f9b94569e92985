//! What users of other libraries complain of, and the words of Stackless: rows of the tables in `docs/hub.md` that no
//! other file tests.
#![cfg(any(feature = "std", miri))]

#[path = "common/clock.rs"]
mod clock;
mod common;

use clock::Clock;
use common::{MS, log};
use greenlet::StackPool;
use greenlet_hub::{Channel, Event, Hub, Mutex, Platform, Stop};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

/// The clock of the other tests, which counts what the idle hub calls.
struct Counting {
    sleeps: AtomicU32,
    alarms: AtomicU32,
}

static COUNTING: Counting = Counting { sleeps: AtomicU32::new(0), alarms: AtomicU32::new(0) };

impl Platform for Counting {
    fn now(&self) -> u64 {
        Clock.now()
    }

    fn hertz(&self) -> u32 {
        Clock.hertz()
    }

    fn arm(&self, at: Option<u64>) {
        self.alarms.fetch_add(1, Relaxed);
        Clock.arm(at);
    }

    fn idle(&self, sleep: &mut dyn FnMut() -> bool) {
        self.sleeps.fetch_add(1, Relaxed);
        Clock.idle(sleep);
    }
}

#[test]
fn an_idle_hub_sleeps_once_for_each_alarm() {
    static HUB: Hub<1> = Hub::new(&COUNTING);
    static STACKS: StackPool<1, 65536> = StackPool::new();
    Clock::reset();
    HUB.run(|main| {
        let task = main.spawn(&STACKS, |me| {
            for _ in 0..100 {
                me.sleep(MS)?;
            }
            Ok(())
        });
        assert_eq!(task.unwrap().join(main), Ok(Ok(())));
    })
    .unwrap();
    assert_eq!((COUNTING.sleeps.load(Relaxed), COUNTING.alarms.load(Relaxed)), (100, 100));
}

#[test]
fn a_timer_that_is_left_is_gone_and_there_is_room_for_any_number() {
    static HUB: Hub<1> = Hub::new(&Clock);
    Clock::reset();
    HUB.run(|main| {
        for _ in 0..10_000 {
            assert_eq!(main.with_timeout(HOUR, || main.with_timeout(MS, || Ok(7))), Ok(Some(Some(7))));
        }
        // A timer that had stayed would end this wait in an hour.
        assert_eq!(Event::new().wait(main), Err(Stop::Deadlock));
        assert_eq!(main.now().ticks(), 0);
    })
    .unwrap();
}

#[test]
fn a_lock_that_is_handed_over_when_its_time_is_up_is_held_or_goes_on() {
    static HUB: Hub<2> = Hub::new(&Clock);
    static STACKS: StackPool<2, 65536> = StackPool::new();
    static LOCK: Mutex<u32> = Mutex::new(0);
    Clock::reset();
    HUB.run(|main| {
        for handed_first in [true, false] {
            let guard = LOCK.lock(main).unwrap();
            let timed = main.spawn(&STACKS, |me| {
                let got = me.with_timeout(MS, || {
                    let mut number = LOCK.lock(me)?;
                    *number += 1;
                    assert!(matches!(me.check(), Err(Stop::Timeout(_))), "its time is up all the same");
                    Ok(())
                })?;
                Ok(got.is_some())
            });
            main.yield_now().unwrap();
            let next = main.spawn(&STACKS, |me| LOCK.lock(me).map(|mut number| *number += 10)).unwrap();
            main.yield_now().unwrap();
            if handed_first {
                drop(guard);
                Clock::pass(1_000);
                assert_eq!(main.with_timeout(HOUR, || main.check()), Ok(Some(()))); // the hub looks at the clock
            } else {
                main.sleep(MS).unwrap();
                drop(guard);
            }
            assert_eq!(timed.unwrap().join(main), Ok(Ok(handed_first)));
            assert_eq!(next.join(main), Ok(Ok(())));
            assert_eq!(*LOCK.lock(main).unwrap(), if handed_first { 11 } else { 21 });
        }
    })
    .unwrap();
}

#[test]
#[cfg(feature = "std")]
fn a_task_stays_on_its_core_whoever_wakes_it() {
    use std::cell::Cell;
    use std::thread;
    thread_local! {
        static OF_THE_CORE: Cell<u32> = const { Cell::new(0) };
    }
    hub!(HUB, STACKS);
    HUB.run(|main| {
        let task = main.spawn(&STACKS, |me| {
            let core = thread::current().id();
            for turn in 1..=100 {
                me.park()?;
                assert_eq!((thread::current().id(), OF_THE_CORE.replace(turn)), (core, turn - 1));
            }
            Ok(())
        });
        let task = task.unwrap();
        thread::scope(|scope| {
            let remote = task.remote();
            scope.spawn(move || (0..10_000).for_each(|_| (remote.wake(), thread::yield_now()).0));
            let ended = main.with_timeout(Duration::from_secs(60), || task.join(main)?);
            assert_eq!(ended, Ok(Some(())));
        });
        assert_eq!(OF_THE_CORE.get(), 100);
    })
    .unwrap();
}

#[test]
fn balance_counts_those_that_wait_to_send_or_to_receive() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        let line = Channel::<u32>::new();
        let line = &line;
        main.scope(|scope| {
            let mut balances = vec![line.balance(main)];
            for _ in 0..2 {
                scope.spawn(&STACKS, move |me| line.receive(me).map(drop))?;
                main.yield_now()?;
                balances.push(line.balance(main));
            }
            for _ in 0..4 {
                scope.spawn(&STACKS, move |me| line.send(me, 1).map_err(Stop::from))?;
                main.yield_now()?;
                balances.push(line.balance(main));
            }
            assert_eq!(balances, [0, -1, -2, -1, 0, 1, 2]);
            assert_eq!((line.receive(main), line.receive(main)), (Ok(1), Ok(1)));
            Ok(())
        })
        .unwrap();
    })
    .unwrap();
}

#[test]
fn an_error_that_is_sent_ends_the_receive_alone() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        let line = Channel::<u32>::new();
        let line = &line;
        main.scope(|scope| {
            scope.spawn(&STACKS, move |me| {
                line.send_error(me, "told").map_err(Stop::from)?;
                line.send(me, 2).map_err(Stop::from)?;
                line.send_error(me, "again").map_err(Stop::from)
            })?;
            assert_eq!(line.receive(main), Err(Stop::Error("told")));
            assert_eq!(line.receive(main), Ok(2));
            main.yield_now()?; // the sender waits, and is first
            assert_eq!(line.try_receive(main), Err(Stop::Error("again")));
            Ok(())
        })
        .unwrap();
    })
    .unwrap();
}

#[test]
fn park_and_wake_are_remove_and_insert() {
    hub!(HUB, STACKS);
    let log = log();
    let out = log.clone();
    HUB.run(move |main| {
        let [parks, other] = [true, false].map(|parks| {
            let log = log.clone();
            let task = main.spawn(&STACKS, move |me| {
                for n in 0..3 {
                    say!(log, "{}{n}", if parks { "p" } else { "o" });
                    if parks { me.park()? } else { me.yield_now()? }
                }
                Ok(())
            });
            task.unwrap()
        });
        assert_eq!(other.join(main), Ok(Ok(())));
        for _ in 0..3 {
            parks.remote().wake();
            parks.remote().wake(); // it is queued already
            main.yield_now().unwrap(); // it is queued behind main,
            main.yield_now().unwrap(); // and runs
        }
        assert!(parks.is_over());
    })
    .unwrap();
    assert_eq!(out.borrow().join(" "), "p0 o0 o1 o2 p1 p2");
}
