//! Sleeps, timeouts and intervals. Hosted, where every test thread is a core.
#![cfg(any(feature = "std", miri))]

mod common;

use common::{MS, log};
use greenlet_hub::{Bounded, Stop};
use std::thread;
use std::time::Duration;

#[test]
fn timeouts_nest_and_each_is_caught_by_its_own_scope() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        let task = main.spawn(&STACKS, |me| {
            // The outer one is over first: it passes through the inner scope, and swallowing it does not help.
            let outer = me.with_timeout(2 * MS, || {
                let inner = me.with_timeout(500 * MS, || {
                    let _swallowed = me.sleep(400 * MS);
                    me.sleep(400 * MS)
                });
                assert!(matches!(inner, Err(Stop::Timeout(scope)) if scope.depth() == 1));
                inner
            });
            assert_eq!(outer, Ok(None));
            me.sleep(MS)?; // the scope is left
            assert_eq!(me.with_timeout(500 * MS, || me.with_timeout(MS, || me.sleep(400 * MS))), Ok(Some(None)));
            assert_eq!(me.with_timeout(500 * MS, || me.sleep(MS)), Ok(Some(())));
            Ok(())
        });
        let begun = main.now();
        assert_eq!(task.unwrap().join(main).unwrap(), Ok(()));
        assert!(main.since(begun) < 300 * MS);
    })
    .unwrap();
}

#[test]
fn sleepers_wake_in_the_order_of_their_times() {
    hub!(HUB, STACKS);
    let log = log();
    let out = log.clone();
    HUB.run(move |main| {
        let tasks = [5, 1, 4, 2, 3].map(|n| {
            let (log, at) = (log.clone(), main.after(MS * 5 + MS * n));
            main.spawn(&STACKS, move |me| {
                me.sleep_until(at)?;
                say!(log, "{n}");
                Ok(())
            })
            .unwrap()
        });
        for task in tasks {
            task.join(main).unwrap().unwrap();
        }
    })
    .unwrap();
    assert_eq!(out.borrow().join(""), "12345");
}

#[test]
fn an_interval_does_not_drift() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        let mut interval = main.interval(Duration::from_micros(500));
        let first = interval.next();
        let mut ticks = 0;
        while ticks < 20 {
            ticks += 1 + interval.tick(main).unwrap();
            assert_eq!(interval.next().ticks() - first.ticks(), ticks * 500_000);
            assert!(main.now().ticks() >= interval.next().ticks() - 500_000);
        }
    })
    .unwrap();
}

#[test]
#[cfg_attr(miri, ignore = "its clock stands still while no task waits")]
fn a_loop_that_never_has_to_wait_is_stopped() {
    hub!(HUB, STACKS);
    static FULL: Bounded<u32, 1> = Bounded::new();
    HUB.run(|main| {
        let checks = main.with_timeout(2 * MS, || -> Result<(), Stop> {
            loop {
                main.check()?;
            }
        });
        assert_eq!(checks, Ok(None));
        let receives = main.with_timeout(2 * MS, || -> Result<(), Stop> {
            loop {
                FULL.send(main, 1)?;
                assert_eq!(FULL.receive(main)?, 1);
            }
        });
        assert_eq!(receives, Ok(None));
        while FULL.try_receive(main).unwrap().is_some() {}
        for receives in [false, true] {
            let task = main.spawn(&STACKS, move |me| -> Result<(), Stop> {
                loop {
                    if receives {
                        FULL.send(me, 1)?;
                        assert_eq!(FULL.receive(me)?, 1);
                    } else {
                        me.check()?;
                    }
                }
            });
            let task = task.unwrap();
            let remote = task.remote();
            let kills = thread::spawn(move || {
                thread::sleep(2 * MS);
                assert!(remote.kill());
            });
            assert_eq!(task.join(main), Ok(Err(Stop::Killed)));
            kills.join().unwrap();
            while FULL.try_receive(main).unwrap().is_some() {}
        }
    })
    .unwrap();
}
