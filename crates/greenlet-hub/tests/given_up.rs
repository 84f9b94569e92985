//! Tasks that are given up, as by a panic handler or a fault handler: what their frames have in the hub is void, and
//! the others continue. Guest `hub_contain` does it with real panics and overflows. Miri runs this without the feature `std`.
#![cfg(feature = "abandon")]

use greenlet::StackPool;
use greenlet_hub::{
    Bounded, Channel, Condition, Event, Hub, JoinHandle, Mutex, Platform, Refusal, Remote, Semaphore, Signal,
    SpawnError, Stop, Task, select,
};
use std::cell::{Cell, RefCell};
use std::hint::black_box;
use std::mem;
use std::rc::Rc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

mod common;

use common::{MS, Threads, refuse_to_end};

const HOUR: Duration = Duration::from_secs(3600);

/// A hub whose stacks return.
macro_rules! hub {
    ($hub:ident, $stacks:ident) => {
        hub!($hub, $stacks, Threads, Threads::new());
    };
    ($hub:ident, $stacks:ident, $type:ty, $platform:expr) => {
        static PLATFORM: $type = $platform;
        // SAFETY: nothing in these tests refers to frames of a task that is given up.
        static $hub: Hub<8> = unsafe { Hub::new(&PLATFORM).reclaiming() };
        static $stacks: StackPool<8, 65536> = StackPool::new();
    };
}

/// Gives up the task that calls it.
fn give_up(hub: &'static Hub<8>) -> ! {
    // SAFETY: nothing returns to its code, and what these tests share is sound when half changed.
    let refused = unsafe { hub.abandon_current("gone") };
    panic!("{}", refused.unwrap_err().reason)
}

/// A wait that a task is given up in.
type Wait = fn(&Task) -> Result<(), Stop>;

const GONE: Stop = Stop::Error("gone");

#[test]
fn a_join_gets_the_error_and_the_stack_returns() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        for round in 0..if cfg!(miri) { 4 } else { 1000 } {
            let task = main.spawn(&STACKS, |me| -> Result<u32, Stop> {
                me.yield_now()?;
                give_up(&HUB)
            });
            let task = task.unwrap();
            if round % 2 == 0 {
                while !task.is_over() {
                    main.yield_now().unwrap();
                }
                assert!(!task.remote().kill());
                assert_eq!(task.throw("late"), Err("late"));
            }
            assert_eq!(task.join(main), Ok(Err(GONE)));
            // And one whose result waits for no join.
            drop(main.spawn(&STACKS, |_me| -> Result<u32, Stop> { give_up(&HUB) }).unwrap());
            main.yield_now().unwrap();
            assert_eq!(STACKS.free(), 8);
        }
        // A handle that is dropped after that.
        let task = main.spawn(&STACKS, |_me| -> Result<u32, Stop> { give_up(&HUB) }).unwrap();
        main.yield_now().unwrap();
        drop(task);
        let all: Vec<_> = (0..8).map(|n| main.spawn(&STACKS, move |_me| Ok(n)).unwrap()).collect();
        assert!(all.into_iter().enumerate().all(|(n, task)| task.join(main) == Ok(Ok(n))));
    })
    .unwrap();
    assert_eq!(STACKS.free(), 8);
}

#[test]
fn without_a_promise_the_stack_stays_in_use() {
    static PLATFORM: Threads = Threads::new();
    static HUB: Hub<8> = Hub::new(&PLATFORM);
    static STACKS: StackPool<2, 65536> = StackPool::new();
    HUB.run(|main| {
        for _ in 0..2 {
            let task: JoinHandle<()> = main.spawn(&STACKS, |_me| give_up(&HUB)).unwrap();
            assert_eq!(task.join(main), Ok(Err(GONE)));
        }
        let refused = main.spawn(&STACKS, |_me| Ok(())).unwrap_err();
        let expected = greenlet::SpawnError::PoolEmpty { stacks: 2, dead: 0, leaked: 0, abandoned: 2 };
        assert_eq!(refused.reason, SpawnError::NoStack(expected));
    })
    .unwrap();
}

#[test]
fn its_timers_do_not_reach_the_next_task_in_the_slot() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        let beside = main.spawn(&STACKS, |me| me.sleep(8 * MS)).unwrap();
        let task = main.spawn(&STACKS, |me| {
            me.with_timeout(3 * MS, || {
                me.with_timeout(HOUR, || me.with_timeout(2 * MS, || -> Result<(), Stop> { give_up(&HUB) }))
            })
        });
        assert_eq!(task.unwrap().join(main), Ok(Err(GONE)));
        let next = main.spawn(&STACKS, |me| me.with_timeout(HOUR, || me.sleep(6 * MS))).unwrap();
        assert_eq!(next.join(main), Ok(Ok(Some(()))));
        assert_eq!(beside.join(main), Ok(Ok(())));
    })
    .unwrap();
}

#[test]
fn a_lock_that_it_holds_is_refused_by_name_and_can_be_recovered() {
    hub!(HUB, STACKS);
    static LOCK: Mutex<u32> = Mutex::new(0).named("total");
    let gone = Stop::Refused(Refusal::HolderGone { name: Some("total") });
    HUB.run(|main| {
        let holder: JoinHandle<()> = main
            .spawn(&STACKS, |me| {
                *LOCK.lock(me)? = 7;
                let mut total = LOCK.lock(me)?;
                *total += 1;
                me.yield_now()?;
                give_up(&HUB)
            })
            .unwrap();
        main.yield_now().unwrap();
        let waiters = [1, 2].map(|level| {
            let waits = |me: &Task| LOCK.lock(me).map(|total| *total);
            main.build(&STACKS).level(level).spawn(waits).unwrap()
        });
        assert_eq!(holder.join(main), Ok(Err(GONE)));
        for waiter in waiters {
            assert_eq!(waiter.join(main), Ok(Err(gone)));
        }
        assert!(gone.to_string().contains("`total`"));
        // The task that has its slot now is not the holder.
        let next = main.spawn(&STACKS, |me| Ok((LOCK.lock(me).map(drop), LOCK.try_lock(me).is_some()))).unwrap();
        assert_eq!(next.join(main), Ok(Ok((Err(gone), false))));
        let recovered = LOCK.recover(main).unwrap();
        assert_eq!(*recovered, 8);
        assert!(LOCK.recover(main).is_none(), "it is held");
        drop(recovered);
        assert_eq!(LOCK.lock(main).map(|total| *total), Ok(8));
    })
    .unwrap();
}

/// A platform that gives up the task that finds nothing to run, if it is asked to.
struct Idle(Threads, AtomicU32);

impl Platform for Idle {
    fn now(&self) -> u64 {
        self.0.now()
    }

    fn hertz(&self) -> u32 {
        self.0.hertz()
    }

    fn arm(&self, at: Option<u64>) {
        self.0.arm(at);
    }

    fn kick(&self) {
        self.0.kick();
    }

    fn idle(&self, sleep: &mut dyn FnMut() -> bool) {
        if self.1.swap(0, Relaxed) == 1 {
            give_up(&WAITING);
        }
        self.0.idle(sleep);
    }
}

static IDLE: Idle = Idle(Threads::new(), AtomicU32::new(0));
// SAFETY: nothing in these tests refers to frames of a task that is given up.
static WAITING: Hub<8> = unsafe { Hub::new(&IDLE).reclaiming() };

/// The task waits in each way, and is given up in the platform's code, with its nodes in the lists.
#[test]
fn a_task_that_is_given_up_while_it_waits_leaves_every_list() {
    static STACKS: StackPool<8, 65536> = StackPool::new();
    static LINE: Channel<u32> = Channel::new();
    static ROOM: Bounded<u32, 1> = Bounded::new();
    static LOCK: Mutex<u32> = Mutex::new(0);
    static EVENT: Event = Event::new();
    static PERMITS: Semaphore = Semaphore::new(0);
    static RISEN: Condition = Condition::new();
    static SIGNAL: Signal = Signal::new();
    static REMOTE: Remote<u32, 2> = Remote::new();
    let waits: [Wait; 14] = [
        |me| Ok(LINE.send(me, 1)?),
        |me| LINE.receive(me).map(drop),
        |me| ROOM.receive(me).map(drop),
        |me| LOCK.lock(me).map(drop),
        |me| EVENT.wait(me),
        |me| PERMITS.acquire(me).map(drop),
        |me| {
            static OTHER: Mutex<()> = Mutex::new(());
            let guard = OTHER.lock(me)?;
            RISEN.wait(me, guard).map(drop)
        },
        |me| SIGNAL.wait(me).map(drop),
        |me| REMOTE.receive(me).map(drop),
        |me| select(me, (LINE.receiving(), EVENT.setting(), me.sleeping(HOUR))).map(drop),
        |me| me.wait(std::future::pending::<()>()),
        |me| me.park(),
        |me| me.sleep(HOUR),
        |me| {
            let mut other = me.spawn(&STACKS, |me| me.sleep(5 * MS)).unwrap();
            me.yield_now()?;
            select(me, (other.joining(), me.sleeping(HOUR)))?;
            Ok(())
        },
    ];
    WAITING
        .run(|main| {
            for (index, wait) in waits.into_iter().enumerate() {
                let guard = LOCK.lock(main).unwrap();
                let task = main.spawn(&STACKS, move |me| me.with_timeout(HOUR, || wait(me))).unwrap();
                // It is the last one to run, so it finds nothing that is ready.
                IDLE.1.store(1, Relaxed);
                let ended = task.join(main);
                assert_eq!(IDLE.1.swap(0, Relaxed), 0, "{index}");
                drop(guard);
                assert_eq!(ended, Ok(Err(GONE)), "{index}");
                // The next task on its stack overwrites what its frames were.
                let next = main.spawn(&STACKS, |_me| Ok(black_box([0xffu8; 16_000])[7])).unwrap();
                assert_eq!(next.join(main), Ok(Ok(0xff)));
                main.sleep(6 * MS).unwrap();
                // Nothing of it is left.
                assert_eq!(LINE.balance(main), 0, "{index}");
                assert_eq!(LINE.try_send(main, 1), Err(1));
                ROOM.send(main, 2).unwrap();
                assert_eq!(ROOM.receive(main), Ok(2), "{index}");
                EVENT.set(main);
                EVENT.clear(main);
                RISEN.notify_all(main);
                PERMITS.add(main);
                assert!(PERMITS.acquire(main).map(greenlet_hub::Permit::keep).is_ok(), "{index}");
                SIGNAL.raise(1);
                assert_eq!(SIGNAL.wait(main), Ok(1), "{index}");
                assert_eq!(REMOTE.try_send(3), Ok(()));
                assert_eq!(REMOTE.receive(main), Ok(3), "{index}");
                assert!(LOCK.lock(main).is_ok());
                // The handle of the task that it would have joined is lost with its frames.
                assert_eq!(STACKS.free(), if index == 13 { 7 } else { 8 }, "{index}");
                // It does not count as a wait for what may come from outside, nor is its timer left.
                assert_eq!(LINE.receive(main), Err(Stop::Deadlock), "{index}");
            }
        })
        .unwrap();
}

#[test]
fn tasks_of_its_scope_end_before_it_does() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        let log = Rc::new(RefCell::new(Vec::new()));
        let shared = log.clone();
        let parent = main.build(&STACKS).name("parent").spawn(move |me| -> Result<(), Stop> {
            let local = Cell::new(1);
            me.scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(&STACKS, |me| {
                        let stop = me.park();
                        me.shield(|| me.sleep(2 * MS))?;
                        local.set(local.get() + 1);
                        shared.borrow_mut().push(local.get());
                        stop
                    })?;
                }
                me.yield_now()?;
                give_up(&HUB)
            })
        });
        let parent = parent.unwrap();
        main.sleep(MS / 2).unwrap();
        assert!(main.report().to_string().contains("parent     was given up, tasks of its scope are left"));
        parent.kill();
        assert_eq!(parent.throw("late"), Ok(()), "its tasks have not ended");
        assert!(matches!(parent.join(main), Ok(Err(Stop::Error(_)))));
        assert_eq!(*log.borrow(), [2, 3]);
        assert_eq!(STACKS.free(), 8);
    })
    .unwrap();
}

#[test]
fn a_task_of_a_scope_that_is_given_up_fails_it() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        for inner in [false, true] {
            let ended = Cell::new(0);
            let count = &ended;
            let failed = main.scope(|scope| {
                scope.spawn(&STACKS, move |me| {
                    let stop = me.sleep(HOUR);
                    count.set(count.get() + 1);
                    stop
                })?;
                scope.spawn(&STACKS, move |me| {
                    me.yield_now()?;
                    if !inner {
                        give_up(&HUB);
                    }
                    // Its own tasks borrow what is outside of it: the outer scope waits for them as well.
                    me.scope(|own| {
                        own.spawn(&STACKS, move |me| {
                            let stop = me.sleep(HOUR);
                            me.shield(|| me.sleep(2 * MS))?;
                            count.set(count.get() + 10);
                            stop
                        })?;
                        me.yield_now()?;
                        give_up(&HUB)
                    })
                })?;
                Ok(())
            });
            assert_eq!(failed, Err(GONE));
            assert_eq!(ended.get(), if inner { 11 } else { 1 });
            assert_eq!(STACKS.free(), 8);
        }
    })
    .unwrap();
}

#[test]
fn the_end_of_a_run_takes_it_as_ended() {
    hub!(HUB, STACKS);
    let kept = RefCell::new(None);
    for _ in 0..2 {
        HUB.run(|main| {
            // One that is given up when it is killed, one whose error is never joined, one with a task that refuses to
            // end.
            drop(main.spawn(&STACKS, |me| -> Result<(), Stop> {
                let _killed = me.park();
                give_up(&HUB)
            }));
            let task = main.spawn(&STACKS, |_me| -> Result<(), Stop> { give_up(&HUB) }).unwrap();
            main.yield_now().unwrap();
            assert!(task.is_over());
            *kept.borrow_mut() = Some(task);
        })
        .unwrap();
        assert_eq!(STACKS.free(), 8);
        let kept: JoinHandle<()> = kept.take().unwrap();
        assert!(kept.is_over());
        HUB.run(|main| assert_eq!(kept.join(main), Ok(Err(Stop::Killed)))).unwrap();
    }
    HUB.run(|main| {
        let stubborn = main.spawn(&STACKS, |me| -> Result<(), Stop> {
            me.scope(|scope| {
                scope.spawn(&STACKS, refuse_to_end)?;
                me.yield_now()?;
                give_up(&HUB)
            })
        });
        main.yield_now().unwrap();
        main.yield_now().unwrap();
        mem::forget(stubborn);
    })
    .unwrap();
    assert_eq!(STACKS.free(), 6, "the one refuses to end, and the other one's frames are borrowed");
}
