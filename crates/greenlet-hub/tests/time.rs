//! Timers against a clock that jumps to the next alarm: exact, and as fast as the host can go.
#![cfg(any(feature = "std", miri))]

use greenlet::StackPool;
use greenlet_hub::{Hub, Instant, Platform, Stop};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// A clock that jumps to the next alarm instead of sleeping.
struct Simulated {
    now: AtomicU64,
    alarm: AtomicU64,
}

impl Simulated {
    const fn new() -> Self {
        Self { now: AtomicU64::new(0), alarm: AtomicU64::new(0) }
    }
}

impl Platform for Simulated {
    fn now(&self) -> u64 {
        self.now.load(Relaxed)
    }

    fn hertz(&self) -> u32 {
        1_000_000
    }

    fn arm(&self, at: Option<u64>) {
        self.alarm.store(at.expect("a timer"), Relaxed);
    }

    fn idle(&self, sleep: &mut dyn FnMut() -> bool) {
        if sleep() {
            self.now.fetch_max(self.alarm.load(Relaxed), Relaxed);
        }
    }
}

/// A generator of numbers, the same each time.
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn every_sleeper_wakes_at_its_time() {
    static CLOCK: Simulated = Simulated::new();
    static HUB: Hub<32> = Hub::new(&CLOCK);
    static STACKS: StackPool<32, 65536> = StackPool::new();
    HUB.run(|main| {
        let mut tasks = Vec::new();
        for n in 0..32 {
            let mut state = n * 7919 + 1;
            let body = move |me: &greenlet_hub::Task| {
                for _ in 0..if cfg!(miri) { 10 } else { 500 } {
                    let ticks = random(&mut state) % 1000;
                    let at = me.after(Duration::from_micros(ticks));
                    if state % 3 == 0 {
                        // A scope beside: its timer is removed from anywhere in the heap.
                        let slept = me.with_timeout(Duration::from_micros(state % 1500), || me.sleep_until(at))?;
                        assert_eq!(slept.is_some(), me.now() >= at);
                    } else {
                        me.sleep_until(at)?;
                        assert_eq!(me.now(), at);
                    }
                }
                Ok(())
            };
            tasks.push(main.spawn(&STACKS, body).unwrap());
        }
        for task in tasks {
            assert_eq!(task.join(main), Ok(Ok(())));
        }
    })
    .unwrap();
}

#[test]
fn an_interval_of_a_million_ticks_does_not_drift() {
    static CLOCK: Simulated = Simulated::new();
    static HUB: Hub<2> = Hub::new(&CLOCK);
    static STACKS: StackPool<2, 65536> = StackPool::new();
    HUB.run(|main| {
        let busy = main
            .spawn(&STACKS, |me| {
                loop {
                    me.sleep(Duration::from_micros(7))?;
                    if false {
                        break Ok(());
                    }
                }
            })
            .unwrap();
        let mut interval = main.interval(Duration::from_micros(10));
        // A million takes a while without optimization.
        let ticks = if cfg!(miri) {
            300
        } else if cfg!(debug_assertions) {
            100_000
        } else {
            1_000_000_u64
        };
        for tick in 1..=ticks {
            assert_eq!(interval.tick(main), Ok(0));
            assert_eq!(main.now(), Instant::from_ticks(10 * tick));
        }
        busy.kill();
        assert_eq!(busy.join(main), Ok(Err::<(), _>(Stop::Killed)));
    })
    .unwrap();
}

#[test]
fn an_interval_that_falls_behind_skips_and_says_how_many() {
    static CLOCK: Simulated = Simulated::new();
    static HUB: Hub<1> = Hub::new(&CLOCK);
    HUB.run(|main| {
        let mut interval = main.interval(Duration::from_micros(10));
        assert_eq!(interval.tick(main), Ok(0));
        main.sleep(Duration::from_micros(45)).unwrap(); // until 55: 20, 30, 40 and 50 are over, 50 is the next
        assert_eq!(interval.tick(main), Ok(3));
        assert_eq!(main.now().ticks(), 55);
        assert_eq!(interval.tick(main), Ok(0));
        assert_eq!(main.now().ticks(), 60);
    })
    .unwrap();
}

#[test]
fn a_tick_that_is_stopped_keeps_its_count() {
    static CLOCK: Simulated = Simulated::new();
    static HUB: Hub<1> = Hub::new(&CLOCK);
    HUB.run(|main| {
        let mut interval = main.interval(Duration::from_micros(10));
        main.sleep(Duration::from_micros(35)).unwrap();
        let stopped = main.with_timeout(Duration::ZERO, || {
            let _swallowed = main.sleep(Duration::from_micros(1));
            assert!(matches!(interval.tick(main), Err(Stop::Timeout(_))));
            Ok(())
        });
        assert_eq!(stopped, Ok(Some(())));
        assert_eq!(interval.tick(main), Ok(2));
    })
    .unwrap();
}

#[test]
fn a_timeout_that_was_kept_is_not_caught_by_a_later_scope() {
    static CLOCK: Simulated = Simulated::new();
    static HUB: Hub<1> = Hub::new(&CLOCK);
    HUB.run(|main| {
        let mut kept = None;
        let over = main.with_timeout(Duration::ZERO, || {
            kept = main.sleep(Duration::from_micros(5)).err();
            Ok(())
        });
        let kept = kept.unwrap();
        assert!(over.is_ok() && matches!(kept, Stop::Timeout(_)));
        assert_eq!(main.with_timeout(Duration::from_secs(1), || Err::<(), _>(kept)), Err(kept));
    })
    .unwrap();
}
