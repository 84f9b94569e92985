//! embassy's executor, timers, channels and combinators together with tasks of a hub. Hosted.
#![cfg(feature = "std")]

use embassy_executor::{Spawner, raw, task};
use embassy_futures::join::join;
use embassy_futures::select::{Either, select};
use embassy_futures::yield_now;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex as Raw;
use embassy_sync::channel::Channel;
use embassy_sync::mutex::Mutex;
use embassy_time::{Duration, Instant, TimeoutError, Timer, with_timeout};
use greenlet::{Greenlet, StackPool, Thrown};
use greenlet_embassy::{Executor, TimeDriver, time_driver_impl};
use greenlet_hub::{Await, Hub, MainTask, Signal, Stackful, Stop, Threads};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;

static PLATFORM: Threads = Threads::new();
static HUB: Hub<8> = Hub::new(&PLATFORM);
static STACKS: StackPool<8, 65536> = StackPool::new();
time_driver_impl!(static TIME: TimeDriver<4> = TimeDriver::new(&PLATFORM));

const MS: core::time::Duration = core::time::Duration::from_millis(1);

/// Runs a test on main, with a task that serves the timers. There is one driver in a program, so one test at a time.
fn with_timers<R>(test: impl FnOnce(&MainTask) -> R) -> R {
    static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let result = HUB.run(|main| {
        drop(main.build(&STACKS).name("clock").spawn(|me| TIME.serve(me)));
        test(main)
    });
    assert_eq!(STACKS.free(), 8);
    result.unwrap()
}

/// Runs an executor in a task of its own.
fn start(main: &MainTask, executor: &'static Executor, init: impl FnOnce(Spawner) + 'static) {
    drop(main.build(&STACKS).name("embassy").spawn(move |me| executor.run(me, init)));
}

#[test]
fn a_second_task_that_serves_the_timers_is_refused_by_name() {
    with_timers(|main| {
        main.yield_now().unwrap();
        let refused = TIME.serve(main).unwrap_err();
        assert!(matches!(refused, Stop::Refused(_)) && refused.to_string().contains("embassy's time driver"));
    });
}

type Pair = (Channel<Raw, u32, 2>, Channel<Raw, u32, 2>);

#[task(pool_size = 2)]
async fn echo(channels: &'static Pair) {
    let (to, back) = channels;
    loop {
        let x = to.receive().await;
        Timer::after_millis(2).await;
        back.send(x * 2).await;
    }
}

#[test]
fn tasks_of_both_kinds_talk_and_sleep() {
    static EXECUTOR: Executor = Executor::new();
    static CHANNELS: Pair = (Channel::new(), Channel::new());
    with_timers(|main| {
        start(main, &EXECUTOR, |spawner| spawner.spawn(echo(&CHANNELS).unwrap()));
        let asks = main.spawn(&STACKS, |me| {
            let begun = Instant::now();
            for n in 0..5 {
                me.wait(CHANNELS.0.send(n))?;
                assert_eq!(me.wait(CHANNELS.1.receive())?, n * 2);
            }
            assert!(begun.elapsed() >= Duration::from_millis(10), "{:?}", begun.elapsed());
            Ok(7)
        });
        assert_eq!(asks.unwrap().join(main), Ok(Ok(7)));
    });
}

#[test]
fn timeouts_of_both_kinds_in_both_places() {
    static SILENT: Channel<Raw, u32, 2> = Channel::new();
    with_timers(|main| {
        // embassy's, in a task of the hub.
        let in_time = Duration::from_millis(2);
        assert_eq!(main.wait(with_timeout(in_time, SILENT.receive())), Ok(Err(TimeoutError)));
        assert_eq!(main.wait(with_timeout(in_time, async { 1 })), Ok(Ok(1)));
        // The hub's, around a future of embassy, and around a timer of embassy.
        assert_eq!(main.with_timeout(2 * MS, || main.wait(SILENT.receive())), Ok(None));
        assert_eq!(main.with_timeout(2 * MS, || main.wait(Timer::after_secs(3600))), Ok(None));
        // Nothing is lost: what comes later is for the next one.
        SILENT.try_send(5).unwrap();
        assert_eq!(main.wait(SILENT.receive()), Ok(5));
    });
}

#[test]
fn combinators_and_locks_of_embassy_in_a_task_of_the_hub() {
    static SHARED: Mutex<Raw, u32> = Mutex::new(1);
    static RESULTS: Channel<Raw, u32, 2> = Channel::new();
    with_timers(|main| {
        let held = main.wait(SHARED.lock()).unwrap();
        let waiter = main.spawn(&STACKS, |me| {
            *me.wait(SHARED.lock())? += 1;
            Ok(())
        });
        main.yield_now().unwrap();
        drop(held);
        assert_eq!(waiter.unwrap().join(main), Ok(Ok(())));
        assert_eq!(*main.wait(SHARED.lock()).unwrap(), 2);

        let first = main.wait(select(Timer::after_millis(1), RESULTS.receive()));
        assert!(matches!(first, Ok(Either::First(()))));
        let both = main.wait(join(RESULTS.send(3), RESULTS.receive()));
        assert_eq!(both, Ok(((), 3)));
    });
}

#[task]
async fn legacy(any: Greenlet<(), &'static str>, done: &'static Signal) {
    fn depth(waits: &Await, n: u32) -> Result<u32, Thrown<(), &'static str>> {
        waits.wait(Timer::after_millis(1))?;
        if n == 0 { Ok(1) } else { Ok(depth(waits, n - 1)? + 1) }
    }
    let five = Stackful::new(&any, &STACKS, |waits| depth(waits, 4)).unwrap().await;
    let forever = Stackful::new(&any, &STACKS, |waits: &Await| waits.wait(Timer::after_secs(3600)));
    let stopped = with_timeout(Duration::from_millis(1), forever.unwrap()).await;
    assert_eq!((five, stopped), (Ok(5), Err(TimeoutError)));
    done.raise(1);
}

#[test]
fn ordinary_code_deep_down_in_a_task_of_embassy() {
    static EXECUTOR: Executor = Executor::new();
    static DONE: Signal = Signal::new();
    with_timers(|main| {
        let any = main.greenlet().clone();
        start(main, &EXECUTOR, move |spawner| spawner.spawn(legacy(any, &DONE).unwrap()));
        assert_eq!(DONE.wait(main), Ok(1));
    });
}

#[task]
async fn busy(turns: &'static AtomicU32) {
    loop {
        turns.fetch_add(1, SeqCst);
        yield_now().await;
    }
}

#[test]
fn a_task_of_embassy_that_is_always_ready_takes_turns_with_those_of_the_hub() {
    static EXECUTOR: Executor = Executor::new();
    static TURNS: AtomicU32 = AtomicU32::new(0);
    with_timers(|main| {
        start(main, &EXECUTOR, |spawner| spawner.spawn(busy(&TURNS).unwrap()));
        for _ in 0..100 {
            main.yield_now().unwrap();
        }
        let turns = TURNS.load(SeqCst);
        assert!((50..=101).contains(&turns), "{turns}");
    });
}

#[test]
fn more_sleepers_than_places_are_all_woken() {
    with_timers(|main| {
        // Eight tasks and main, in a queue of four.
        let sleepers = (0..6).map(|n| {
            main.spawn(&STACKS, move |me| {
                me.wait(Timer::after_millis(2 + n))?;
                Ok(n)
            })
        });
        let sleepers: Vec<_> = sleepers.map(Result::unwrap).collect();
        for (n, sleeper) in (0..).zip(sleepers) {
            assert_eq!(sleeper.join(main), Ok(Ok(n)));
        }
    });
}

#[test]
fn the_executor_stops_with_its_task_and_continues_with_it() {
    static EXECUTOR: Executor = Executor::new();
    static CHANNELS: Pair = (Channel::new(), Channel::new());
    with_timers(|main| {
        let mut spawn = Some(echo(&CHANNELS).unwrap());
        for n in 0..2 {
            CHANNELS.0.try_send(n).unwrap();
            let ran = main.with_timeout(10 * MS, || {
                EXECUTOR.run(main, |spawner| {
                    if let Some(token) = spawn.take() {
                        spawner.spawn(token);
                    }
                })
            });
            assert_eq!((ran, CHANNELS.1.try_receive()), (Ok(None), Ok(n * 2)));
        }
        let other = main.spawn(&STACKS, |me| {
            let refused = catch_unwind(AssertUnwindSafe(|| EXECUTOR.run(me, |_spawner| ())));
            let said = refused.unwrap_err();
            Ok(said.downcast_ref::<&str>().unwrap().contains("declare one for each task"))
        });
        assert_eq!(other.unwrap().join(main), Ok(Ok(true)));
        main.remote().kill();
        assert_eq!(EXECUTOR.run(main, |_spawner| ()), Err(Stop::Killed));
    });
    // Neither may another run of the hub: its core may be another one.
    with_timers(|main| assert!(catch_unwind(AssertUnwindSafe(|| EXECUTOR.run(main, |_spawner| ()))).is_err()));
}

#[task]
async fn from_afar(done: &'static Signal) {
    done.raise(2);
}

#[test]
fn another_thread_spawns() {
    static EXECUTOR: Executor = Executor::new();
    static DONE: Signal = Signal::new();
    with_timers(|main| {
        start(main, &EXECUTOR, |spawner| {
            let spawner = spawner.make_send();
            thread::spawn(move || spawner.spawn(from_afar(&DONE).unwrap()));
        });
        assert_eq!(DONE.wait(main), Ok(2));
    });
}

#[test]
fn the_context_of_an_executor_that_is_not_ours_is_not_used() {
    static DONE: Signal = Signal::new();
    #[task]
    async fn done() {
        DONE.raise(1);
    }
    let raw: &'static raw::Executor = Box::leak(Box::new(raw::Executor::new(ptr::without_provenance_mut(8))));
    raw.spawner().spawn(done().unwrap());
    // SAFETY: not inside itself.
    unsafe { raw.poll() };
    assert_eq!(DONE.take(), 1);
}
