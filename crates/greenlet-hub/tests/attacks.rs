//! Programs of safe code that a hub could take badly: joins in a ring, tasks that stop themselves, destructors that wait,
//! things that are forgotten, times at the ends of the clock, a `select` with itself, storms from other threads.
#![cfg(any(feature = "std", miri))]

#[path = "common/clock.rs"]
mod clock;
mod common;

use clock::Clock;
use common::{MS, log};
use greenlet::StackPool;
use greenlet_hub::{
    Channel, Chosen2, Event, Hub, Instant, JoinHandle, Preference, Semaphore, Signal, Stop, Task, select,
};
use std::cell::{Cell, RefCell};
use std::mem;
use std::rc::Rc;
use std::time::Duration;

/// What a place holds until a task takes it.
type Place<T> = Rc<RefCell<Option<T>>>;

#[test]
fn joins_in_a_ring_are_reported_and_one_kill_ends_them() {
    hub!(HUB, STACKS);
    for killed in 0..3 {
        HUB.run(|main| {
            let places: [Place<JoinHandle<&'static str>>; 3] = Default::default();
            let tasks = [("a", 1), ("b", 2), ("c", 0)].map(|(name, next)| {
                let place = places[next].clone();
                let body = move |me: &Task| {
                    let other = place.take().expect("the handle of the next one");
                    // The one that is killed passes that on; the one before it sees that its task was killed.
                    other.join(me)?.map(|_| name).or(Ok("after a kill"))
                };
                main.build(&STACKS).name(name).spawn(body).unwrap()
            });
            let remotes = tasks.each_ref().map(JoinHandle::remote);
            for (place, task) in places.iter().zip(tasks) {
                *place.borrow_mut() = Some(task);
            }
            assert_eq!(Event::new().wait(main), Err(Stop::Deadlock));
            let report = main.report().to_string();
            let lines = ["a          waits for the end of b", "b          waits for the end of c"];
            assert!(lines.iter().all(|line| report.contains(line)), "{report}");
            assert!(report.contains("c          waits for the end of a"), "{report}");
            assert!(remotes[killed].kill());
            for _ in 0..4 {
                main.yield_now().unwrap();
            }
            assert_eq!(STACKS.free(), 8);
            assert_eq!(main.report().to_string(), "");
        })
        .unwrap();
    }
}

#[test]
fn a_task_that_stops_itself_leaves_nothing_to_the_next_one_in_its_slot() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        for way in 0..3 {
            for waits in [false, true] {
                let place: Place<JoinHandle<()>> = Rc::default();
                let own = place.clone();
                let task = main.spawn(&STACKS, move |me| {
                    let handle = own.take().expect("its own handle");
                    match way {
                        0 => handle.kill(),
                        1 => handle.throw("own").unwrap(),
                        _ => handle.remote().wake(),
                    }
                    if waits { me.yield_now() } else { Ok(()) }
                });
                *place.borrow_mut() = task.ok();
                main.yield_now().unwrap();
                main.yield_now().unwrap();
                assert_eq!(STACKS.free(), 8, "{way} {waits}");
                // A kill, an error or a turn that is left over would end this wait.
                let next = main.spawn(&STACKS, |me| {
                    me.check()?;
                    Channel::<u32>::new().receive(me)
                });
                let next = next.unwrap();
                let remote = next.remote();
                assert_eq!(next.join(main), Err(Stop::Deadlock), "{way} {waits}");
                assert!(main.report().to_string().ends_with("waits to receive from ?\n"), "{}", main.report());
                assert!(remote.kill());
                main.yield_now().unwrap();
                main.yield_now().unwrap();
                assert_eq!(STACKS.free(), 8, "{way} {waits}");
            }
        }
    })
    .unwrap();
}

/// Waits when it is dropped.
struct Waits<'a>(&'a Task, &'a RefCell<Vec<String>>, &'static str);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        let Self(me, log, name) = self;
        let plain = me.sleep(MS).map_or_else(|stop| stop_name(&stop), |()| "slept");
        let shielded = me.shield(|| me.sleep(MS)).map_or_else(|stop| stop_name(&stop), |()| "slept");
        say!(log, "{name}: {plain}, {shielded}");
    }
}

fn stop_name(stop: &Stop) -> &'static str {
    match stop {
        Stop::Killed => "killed",
        Stop::Timeout(_) => "timeout",
        Stop::Error(_) => "error",
        _ => "another",
    }
}

#[test]
fn destructors_wait_and_are_stopped_as_their_task_is() {
    hub!(HUB, STACKS);
    let log = log();
    HUB.run(|main| {
        let task = |name: &'static str| {
            let log = log.clone();
            main.spawn(&STACKS, move |me| {
                let _waits = Waits(me, &log, name);
                match name {
                    "end" => Ok(()),
                    "timeout" => me
                        .with_timeout(MS, || {
                            let _inner = Waits(me, &log, "inside");
                            me.park()
                        })
                        .map(drop),
                    _ => me.park(),
                }
            })
            .unwrap()
        };
        assert_eq!(task("end").join(main), Ok(Ok(())));
        let killed = task("kill");
        main.yield_now().unwrap();
        killed.kill();
        assert_eq!(killed.join(main), Ok(Err(Stop::Killed)));
        let thrown = task("throw");
        main.yield_now().unwrap();
        thrown.throw("told").unwrap();
        assert_eq!(thrown.join(main), Ok(Err(Stop::Error("told"))));
        assert_eq!(task("timeout").join(main), Ok(Ok(())));
        drop(task("run's end"));
        main.yield_now().unwrap();
    })
    .unwrap();
    assert_eq!(STACKS.free(), 8);
    assert_eq!(
        log.borrow().join("; "),
        "end: slept, slept; kill: killed, slept; throw: slept, slept; inside: timeout, slept; timeout: slept, slept; \
         run's end: killed, slept"
    );
}

#[test]
#[cfg(feature = "std")]
fn a_destructor_waits_while_a_panic_leaves_its_task() {
    hub!(HUB, STACKS);
    let log = log();
    HUB.run(|main| {
        let others = main.spawn(&STACKS, |me| {
            for _ in 0..4 {
                me.sleep(MS)?;
            }
            Ok(())
        });
        let inside = log.clone();
        let panics = main.spawn(&STACKS, move |me| -> Result<(), Stop> {
            let _waits = Waits(me, &inside, "panic");
            std::panic::panic_any("a panic")
        });
        let panics = panics.unwrap();
        // Another task runs meanwhile, and the panic comes out of main's wait.
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| panics.join(main)));
        assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"a panic"));
        assert_eq!(others.unwrap().join(main), Ok(Ok(())));
    })
    .unwrap();
    assert_eq!((STACKS.free(), log.borrow().join("")), (8, "panic: slept, slept".into()));
}

#[test]
fn what_is_forgotten_is_whole_again_in_the_next_run() {
    hub!(HUB, STACKS);
    static PERMITS: Semaphore = Semaphore::new(1);
    for _ in 0..2 {
        HUB.run(|main| {
            // A result that no task will take, a task that waits, one that has not begun, and one whose scope is left.
            mem::forget(main.spawn(&STACKS, |_me| Ok(String::from("lost"))).unwrap());
            mem::forget(main.spawn(&STACKS, |me| me.park()).unwrap());
            main.yield_now().unwrap();
            mem::forget(main.spawn(&STACKS, |me| me.park()).unwrap());
            mem::forget(main.sleeping(MS));
            main.scope(|scope| {
                scope.spawn(&STACKS, |me| {
                    mem::forget(me.spawn(&STACKS, |me| me.park()).unwrap());
                    PERMITS.acquire(me).map(mem::forget)
                })?;
                Ok(())
            })
            .unwrap();
            assert!(PERMITS.try_acquire(main).is_none(), "a forgotten permit is taken for this run");
            PERMITS.add(main);
            assert_eq!(main.sleep(MS), Ok(()));
            assert_eq!(STACKS.free(), 4);
        })
        .unwrap();
        assert_eq!(STACKS.free(), 8);
    }
}

#[test]
fn times_at_the_ends_of_the_clock_end_waits_and_never_panic() {
    const LAST: u64 = u64::MAX;
    static HUB: Hub<2> = Hub::new(&Clock);
    static STACKS: StackPool<2, 65536> = StackPool::new();
    Clock::reset();
    HUB.run(|main| {
        for at in [0, 1, LAST - 20] {
            Clock::pass(at - main.now().ticks());
            assert_eq!(main.sleep(Duration::ZERO), Ok(()));
            assert_eq!(main.sleep_until(Instant::from_ticks(0)), Ok(()));
            assert_eq!(main.now().ticks(), at, "times that have passed");
            assert_eq!(main.with_timeout(Duration::ZERO, || Ok(7)), Ok(Some(7)), "a body that does not wait");
            assert_eq!(main.with_timeout(Duration::ZERO, || main.park()), Ok(None));
            assert_eq!(main.with_timeout(Duration::MAX, || main.sleep(Duration::from_micros(1))), Ok(Some(())));
            assert_eq!(main.now().ticks(), at + 1);
        }
        let mut every = main.interval(Duration::from_micros(7));
        assert_eq!([(); 2].map(|()| every.tick(main)), [Ok(0); 2]);
        assert_eq!((main.now().ticks(), main.after(MS).ticks()), (LAST - 5, LAST));
        // What would be later than the last tick is at the last tick.
        assert_eq!(main.interval(Duration::MAX).next().ticks(), LAST);
        let sleeper = main.spawn(&STACKS, |me| me.sleep(Duration::MAX)).unwrap();
        let ticker = main.spawn(&STACKS, move |me| every.tick(me)).unwrap();
        assert_eq!(main.with_timeout(MS, || main.park()), Ok(None));
        assert_eq!(main.now().ticks(), LAST);
        assert_eq!((sleeper.join(main), ticker.join(main)), (Ok(Ok(())), Ok(Ok(0))));
        // There is no later time: every wait for one is over at once.
        let mut every = main.interval(MS);
        assert_eq!((every.tick(main), every.tick(main), main.sleep(MS)), (Ok(0), Ok(0), Ok(())));
        assert_eq!(main.since(Instant::from_ticks(0)), Duration::from_micros(LAST));
    })
    .unwrap();
}

#[test]
fn of_nested_timeouts_with_one_deadline_the_outermost_is_delivered() {
    fn nest(me: &Task, depth: u32, caught: &Cell<u32>) -> Result<(), Stop> {
        if depth == 0 {
            return me.park();
        }
        let inner = me.with_timeout(MS, || nest(me, depth - 1, caught));
        if let Ok(None) = inner {
            caught.set(caught.get() + depth);
        }
        inner.map(drop)
    }
    static HUB: Hub<16> = Hub::new(&Clock);
    static STACKS: StackPool<16, 65536> = StackPool::new();
    Clock::reset();
    HUB.run(|main| {
        // All of them at once: equal times in any order in the heap.
        let tasks = [(); 16].map(|()| {
            let body = |me: &Task| {
                let caught = Cell::new(0);
                nest(me, 16, &caught)?;
                me.yield_now()?; // nothing of it is left
                Ok(caught.get())
            };
            main.spawn(&STACKS, body).unwrap()
        });
        for task in tasks {
            assert_eq!(task.join(main), Ok(Ok(16)));
        }
        assert_eq!(main.now().ticks(), 1_000);
    })
    .unwrap();
}

#[test]
fn a_select_with_a_channel_twice_takes_one_value_and_never_meets_itself() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        // Both arms receive: one value is taken, and the second stays with its sender.
        for preference in [Preference::Receiver, Preference::Neither, Preference::Sender, Preference::Both] {
            let line = Channel::<u32>::new().preferring(preference);
            let line = &line;
            let twice = || match select(main, (line.receiving(), line.receiving()))? {
                Chosen2::First(got) | Chosen2::Second(got) => got,
            };
            let got = main.scope(|scope| {
                scope.spawn(&STACKS, move |me| {
                    for n in [1, 2] {
                        line.send(me, n)?;
                    }
                    Ok(())
                })?;
                Ok([twice()?, twice()?])
            });
            assert_eq!((got, line.balance(main)), (Ok([1, 2]), 0), "{preference:?}");
        }
        let line = Channel::<u32>::new();
        // One sends and one receives: not to itself.
        let both = |me: &Task, value| match select(me, (line.sending(value), line.receiving()))? {
            Chosen2::First(sent) => sent.map(|()| None).map_err(|refused| refused.reason),
            Chosen2::Second(got) => got.map(Some),
        };
        assert_eq!(both(main, 1), Err(Stop::Deadlock));
        assert_eq!(line.balance(main), 0);
        // With another one that does the same.
        let theirs = Cell::new(None);
        let mine = main.scope(|scope| {
            scope.spawn(&STACKS, |me| both(me, 2).map(|value| theirs.set(Some(value))))?;
            main.yield_now()?;
            both(main, 3)
        });
        assert!(
            matches!((mine, theirs.get()), (Ok(Some(2)), Some(None)) | (Ok(None), Some(Some(3)))),
            "{mine:?} {theirs:?}"
        );
        assert_eq!(line.balance(main), 0);
    })
    .unwrap();
}

#[test]
fn a_signal_that_a_destructor_raises_ends_a_wait() {
    struct Raises(&'static Signal, u32);
    impl Drop for Raises {
        fn drop(&mut self) {
            self.0.raise(self.1);
        }
    }
    hub!(HUB, STACKS);
    static BELL: Signal = Signal::new();
    HUB.run(|main| {
        let wait = || main.with_timeout(1000 * MS, || BELL.wait(main));
        let raises = |me: &Task| {
            let _raises = Raises(&BELL, 1);
            me.check()
        };
        let ends = main.spawn(&STACKS, raises).unwrap();
        assert_eq!(wait(), Ok(Some(1)));
        let captured = Raises(&BELL, 2);
        let unstarted = main.spawn(&STACKS, move |me| {
            let _captured = captured;
            me.check()
        });
        let unstarted = unstarted.unwrap();
        unstarted.kill();
        assert_eq!(wait(), Ok(Some(2)));
        assert_eq!(unstarted.join(main), Ok(Err(Stop::Killed)));
        let result = main.spawn(&STACKS, |_me| Ok(Raises(&BELL, 4))).unwrap();
        main.yield_now().unwrap();
        drop(result);
        assert_eq!(wait(), Ok(Some(4)));
        let killed = main.spawn(&STACKS, |me| {
            let _raises = Raises(&BELL, 8);
            me.park()
        });
        main.yield_now().unwrap();
        killed.unwrap().kill();
        assert_eq!(wait(), Ok(Some(8)));
        assert_eq!(ends.join(main), Ok(Ok(())));
        assert_eq!(STACKS.free(), 8);
        // One that waits for the signal, and raises it itself when it is stopped.
        let own = main.spawn(&STACKS, |me| {
            let _raises = Raises(&BELL, 16);
            BELL.wait(me)
        });
        main.yield_now().unwrap();
        own.unwrap().kill();
        main.yield_now().unwrap();
        assert_eq!(wait(), Ok(Some(16)));
    })
    .unwrap();
}

#[test]
fn a_channel_that_a_destructor_closes_ends_every_receiver_and_loses_no_sender() {
    struct Closes<'a>(&'a Task, &'a Channel<u32>);
    impl Drop for Closes<'_> {
        fn drop(&mut self) {
            self.1.close(self.0);
        }
    }
    hub!(HUB, STACKS);
    HUB.run(|main| {
        let [first, second] = [(); 2].map(|()| Channel::<u32>::new());
        let (first, second) = (&first, &second);
        let closed = Cell::new(0);
        main.scope(|scope| {
            let closed = &closed;
            let seen = |ended: Result<u32, Stop>| -> Result<(), Stop> {
                assert_eq!(ended, Err(Stop::Closed));
                closed.set(closed.get() + 1);
                Ok(())
            };
            scope.spawn(&STACKS, move |me| seen(first.receive(me)))?;
            scope.spawn(&STACKS, move |me| {
                seen(me.with_timeout(1000 * MS, || first.receive(me)).map(|got| got.expect("its time is not up")))
            })?;
            scope.spawn(&STACKS, move |me| {
                // The arm that is closed is chosen; the other one leaves its list.
                match select(me, (first.receiving(), second.receiving()))? {
                    Chosen2::First(ended) => seen(ended)?,
                    Chosen2::Second(_) => unreachable!(),
                }
                assert_eq!(second.balance(me), 0);
                Ok(())
            })?;
            main.yield_now()?;
            drop(Closes(main, first));
            main.yield_now()?;
            scope.spawn(&STACKS, move |me| second.send(me, 5).map_err(Stop::from))?;
            main.yield_now()?;
            drop(Closes(main, second));
            assert_eq!((second.receive(main), second.receive(main)), (Ok(5), Err(Stop::Closed)));
            Ok(())
        })
        .unwrap();
        assert_eq!(closed.get(), 3);
    })
    .unwrap();
}
