//! The records of a hub: waits with their objects, wakes with their sources, and when a task runs.
#![cfg(all(feature = "std", feature = "recorder"))]

use greenlet_hub::{Channel, Hub, Mutex, Place, Record, Recorder, Signal, Step, Threads, Trace, WokenBy};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

static TIME: AtomicU64 = AtomicU64::new(1);

fn ticks() -> u64 {
    TIME.fetch_add(1, SeqCst)
}

thread_local! {
    static PLACE: Cell<Place> = const { Cell::new(Place::Core(0)) };
}

const fn recorder<const N: usize>() -> Recorder<N> {
    with_clock(ticks)
}

const fn with_clock<const N: usize>(clock: fn() -> u64) -> Recorder<N> {
    // SAFETY: counters, and the thread's place.
    unsafe { Recorder::new(clock, || PLACE.get()) }
}

/// Whether the hub that [`Watched`] traces sleeps.
static ASLEEP: AtomicBool = AtomicBool::new(false);

struct Watched(&'static Recorder<64>);

// SAFETY: the functions of the recorder, and a store.
unsafe impl Trace for Watched {
    fn now(&self) -> u64 {
        self.0.now()
    }

    fn place(&self) -> Place {
        self.0.place()
    }

    fn record(&self, record: &Record) {
        self.0.record(record);
        ASLEEP.store(record.step == Step::Sleeps, SeqCst);
    }
}

type Stacks = greenlet::StackPool<4, 65536>;

/// The steps of the task with this name, without their times.
fn steps<const N: usize>(recorder: &Recorder<N>, task: &str) -> Vec<String> {
    let mut steps = Vec::new();
    let of = |record: &Record| record.task.name.unwrap_or("main") == task;
    let text =
        |record: &Record| record.to_string().split_once("\" ").map_or(String::new(), |(_, step)| step.to_owned());
    recorder.for_each(|record| steps.extend(of(record).then(|| text(record)))).unwrap();
    steps
}

#[test]
fn a_wait_has_its_words_and_the_task_that_ends_it() {
    static RECORDER: Recorder<256> = recorder();
    static PLATFORM: Threads = Threads::new();
    static HUB: Hub<4> = Hub::new(&PLATFORM).traced(&RECORDER);
    static STACKS: Stacks = Stacks::new();
    static JOBS: Channel<u32> = Channel::new().named("jobs");
    static LOG: Mutex<u32> = Mutex::new(0).named("log");
    HUB.run(|main| {
        let reader = main.build(&STACKS).name("reader").spawn(|me| JOBS.receive(me)).unwrap();
        let writer = main.build(&STACKS).name("writer").spawn(|me| {
            let _log = LOG.lock(me)?;
            me.yield_now()?;
            JOBS.send(me, 5).map_err(|refused| refused.reason)
        });
        let other = main.build(&STACKS).name("other").spawn(|me| LOG.lock(me).map(|_log| ())).unwrap();
        other.join(main).unwrap().unwrap();
        writer.unwrap().join(main).unwrap().unwrap();
        assert_eq!(reader.join(main), Ok(Ok(5)));
    })
    .unwrap();
    // Its number depends on the tests that run at the same time.
    let mut writer = String::new();
    let is_writer = |record: &&Record| record.task.name == Some("writer");
    RECORDER
        .for_each(|record| {
            if is_writer(&record) {
                writer = format!("by {}", record.task)
            }
        })
        .unwrap();
    assert!(writer.ends_with(" \"writer\""), "{writer}");
    let last = "has ended, its result was not taken";
    let of = |task: &str| steps(&RECORDER, task);
    let begun = ["is ready, by main greenlet", "runs"];
    let (reads, locks) = (of("reader"), of("other"));
    assert_eq!(reads[..2], begun);
    assert_eq!(
        reads[2..],
        [
            "waits to receive from jobs",
            &format!("is ready, {writer}"),
            "runs",
            last,
            "is ready, by main greenlet",
            "runs"
        ]
    );
    assert_eq!(locks[2..], ["waits for the lock log", &format!("is ready, {writer}"), "runs"]);
    let mut joins = Vec::new();
    RECORDER
        .for_each(|record| {
            if let Step::Waits { on: Some(on), .. } = record.step
                && record.task.is_main
            {
                joins.push(on)
            }
        })
        .unwrap();
    assert_eq!(joins, ["other"]);
}

#[test]
fn a_wake_from_outside_has_the_place_and_the_time_at_which_it_was_made() {
    // A clock of its own: tests run at the same time, and each record is a tick.
    static TIME: AtomicU64 = AtomicU64::new(1);
    fn ticks() -> u64 {
        TIME.fetch_add(1, SeqCst)
    }
    static RECORDER: Recorder<64> = with_clock(ticks);
    static PLATFORM: Threads = Threads::new();
    static HUB: Hub<4> = Hub::new(&PLATFORM).traced(&Watched(&RECORDER));
    static SIGNAL: Signal = Signal::new().named("button");
    static RAISED: AtomicU64 = AtomicU64::new(0);
    HUB.run(|main| {
        for place in [Place::Interrupt(27), Place::Core(3)] {
            let other = thread::spawn(move || {
                PLACE.set(place);
                while !ASLEEP.load(SeqCst) {
                    thread::yield_now();
                }
                RAISED.store(ticks(), SeqCst);
                SIGNAL.raise(1);
            });
            assert_eq!(SIGNAL.wait(main), Ok(1));
            other.join().unwrap();
            let mut last = None;
            RECORDER
                .for_each(|record| {
                    if matches!(record.step, Step::Ready { .. }) {
                        last = Some(*record)
                    }
                })
                .unwrap();
            let last = last.unwrap();
            assert_eq!(last.step, Step::Ready { by: WokenBy::Outside(place) });
            assert!(last.task.is_main && last.time == RAISED.load(SeqCst) + 1, "{last}");
        }
        main.sleep(Duration::from_millis(1)).unwrap();
        main.remote().wake();
        main.park().unwrap();
    })
    .unwrap();
    let mut all = Vec::new();
    RECORDER.for_each(|record| all.push(record.to_string())).unwrap();
    let count = |words: &str| all.iter().filter(|line| line.ends_with(words)).count();
    assert!(count("main greenlet sleeps, as nothing is ready") >= 2 && count("sleeps no more") >= 2, "{all:?}");
    assert_eq!((count("waits for the signal button"), count("is ready, by the timer")), (2, 1));
    assert_eq!(count("main greenlet is ready, by main greenlet"), 1, "a wake by the task itself: {all:?}");
}

#[test]
fn what_happens_during_a_read_is_lost_and_counted() {
    static RECORDER: Recorder<2> = recorder();
    static PLATFORM: Threads = Threads::new();
    static HUB: Hub<1> = Hub::new(&PLATFORM).traced(&RECORDER);
    HUB.run(|main| {
        for _ in 0..3 {
            main.remote().wake();
            main.park().unwrap();
        }
        let mut count = 0;
        RECORDER
            .for_each(|_| {
                count += 1;
                main.remote().wake();
                main.park().unwrap();
                assert!(RECORDER.for_each(|_| ()).is_err());
            })
            .unwrap();
        assert_eq!((count, RECORDER.lost()), (2, 6));
    })
    .unwrap();
}

/// A trace of the program's own.
#[test]
fn another_trace_gets_the_records() {
    struct Counter(AtomicU64);
    // SAFETY: it counts.
    unsafe impl Trace for Counter {
        fn now(&self) -> u64 {
            0
        }
        fn place(&self) -> Place {
            Place::Core(0)
        }
        fn record(&self, record: &Record) {
            self.0.fetch_add(u64::from(record.step == Step::Runs), SeqCst);
        }
    }
    static COUNTER: Counter = Counter(AtomicU64::new(0));
    static PLATFORM: Threads = Threads::new();
    static HUB: Hub<4> = Hub::new(&PLATFORM).traced(&COUNTER);
    static STACKS: Stacks = Stacks::new();
    HUB.run(|main| main.spawn(&STACKS, |_me| Ok(())).unwrap().join(main).unwrap().unwrap()).unwrap();
    assert_eq!(COUNTER.0.load(SeqCst), 2, "the task begins, and main ends its wait");
}
