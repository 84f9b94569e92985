//! Mutexes, semaphores, conditions. Hosted, where every test thread is a core.
#![cfg(any(feature = "std", miri))]

mod common;

use common::log;
use greenlet_hub::{Channel, Condition, Mutex, Refusal, Semaphore, Stop, Task};
use std::mem;

#[test]
fn the_lock_goes_to_the_task_that_has_waited_longest() {
    hub!(HUB, STACKS);
    static LOCK: Mutex<Vec<u32>> = Mutex::new(Vec::new());
    HUB.run(|main| {
        let guard = LOCK.lock(main).unwrap();
        let tasks = [1, 2, 3].map(|n| {
            main.spawn(&STACKS, move |me| {
                let mut list = LOCK.lock(me)?;
                list.push(n);
                me.yield_now()?;
                list.push(n * 10);
                Ok(())
            })
            .unwrap()
        });
        main.yield_now().unwrap();
        drop(guard);
        assert!(LOCK.try_lock(main).is_none(), "it was handed over, not released");
        for task in tasks {
            task.join(main).unwrap().unwrap();
        }
        assert_eq!(*LOCK.lock(main).unwrap(), [1, 10, 2, 20, 3, 30]);
    })
    .unwrap();
}

#[test]
fn a_task_that_was_handed_a_lock_and_has_not_run_is_no_cycle() {
    hub!(HUB, STACKS);
    static LOCK: Mutex<u32> = Mutex::new(0);
    HUB.run(|main| {
        let guard = LOCK.lock(main).unwrap();
        let task = main.spawn(&STACKS, |me| LOCK.lock(me).map(|mut number| *number += 1)).unwrap();
        main.yield_now().unwrap();
        drop(guard);
        assert!(main.report().to_string().contains("is ready"), "{}", main.report());
        *LOCK.lock(main).unwrap() += 1; // waits for a task that waits for nothing
        assert_eq!(task.join(main), Ok(Ok(())));
        assert_eq!(*LOCK.lock(main).unwrap(), 2);
    })
    .unwrap();
}

#[test]
fn a_task_that_waits_for_a_lock_is_told_that_its_holder_has_ended() {
    hub!(HUB, STACKS);
    static LOCK: Mutex<u32> = Mutex::new(0).named("total");
    static OTHER: Mutex<u32> = Mutex::new(0);
    let gone = Stop::Refused(Refusal::HolderGone { name: Some("total") });
    let holds = |me: &Task| {
        let guard = LOCK.lock(me)?;
        me.yield_now()?;
        me.yield_now()?;
        mem::forget(guard);
        Ok(())
    };
    HUB.run(|main| {
        let other = OTHER.lock(main).unwrap();
        let unrelated = main.spawn(&STACKS, |me| OTHER.lock(me).map(|n| *n)).unwrap();
        for joined in [Some(true), Some(false), None] {
            let holder = main.spawn(&STACKS, holds).unwrap();
            main.yield_now().unwrap();
            let waiters = [1, 2].map(|_| main.spawn(&STACKS, |me| LOCK.lock(me).map(drop)).unwrap());
            let left = match joined {
                Some(true) => holder.join(main).unwrap().map(|()| None).unwrap(),
                Some(false) => Some(holder), // its result waits for a join
                None => {
                    drop(holder);
                    None
                }
            };
            for waiter in waiters {
                assert_eq!(waiter.join(main), Ok(Err(gone)), "{joined:?}");
            }
            assert!(left.is_none_or(|holder| holder.is_over()));
            main.yield_now().unwrap(); // it ends
            drop(LOCK.recover(main).unwrap());
        }
        drop(other);
        assert_eq!(unrelated.join(main), Ok(Ok(0)));
    })
    .unwrap();
}

#[test]
fn a_mutex_lends_the_level_of_its_waiter() {
    hub!(HUB, STACKS);
    static LOCK: Mutex<()> = Mutex::new(());
    let log = log();
    let out = log.clone();
    HUB.run(move |main| {
        let (low, middle, high) = (log.clone(), log.clone(), log.clone());
        let holder = main
            .spawn(&STACKS, move |me| {
                let guard = LOCK.lock(me)?;
                for _ in 0..3 {
                    me.yield_now()?;
                    say!(low, "l");
                }
                drop(guard);
                me.yield_now()?;
                say!(low, "L");
                Ok(())
            })
            .unwrap();
        main.yield_now().unwrap();
        let busy = main
            .build(&STACKS)
            .level(1)
            .spawn(move |me| {
                for _ in 0..5 {
                    say!(middle, "m");
                    me.yield_now()?;
                }
                Ok(())
            })
            .unwrap();
        let urgent = main
            .build(&STACKS)
            .level(2)
            .spawn(move |me| {
                let _guard = LOCK.lock(me)?;
                say!(high, "H");
                Ok(())
            })
            .unwrap();
        for task in [holder, busy, urgent] {
            task.join(main).unwrap().unwrap();
        }
    })
    .unwrap();
    // The holder runs before the busy task while the urgent one waits for it, and after it again then.
    assert_eq!(out.borrow().join(""), "lllHmmmmmL");
}

#[test]
fn a_cycle_of_locks_is_refused_to_the_task_that_would_close_it() {
    hub!(HUB, STACKS);
    static A: Mutex<()> = Mutex::new(()).named("A");
    static B: Mutex<()> = Mutex::new(()).named("B");
    HUB.run(|main| {
        let one = main
            .spawn(&STACKS, |me| {
                let _a = A.lock(me)?;
                me.yield_now()?;
                B.lock(me).map(drop)
            })
            .unwrap();
        let two = main
            .spawn(&STACKS, |me| {
                let _b = B.lock(me)?;
                me.yield_now()?;
                A.lock(me).map(drop)
            })
            .unwrap();
        let refused = Stop::Refused(Refusal::LockCycle { name: Some("A") });
        assert_eq!((one.join(main), two.join(main)), (Ok(Ok(())), Ok(Err(refused))));
    })
    .unwrap();
}

#[test]
fn the_report_of_a_deadlock_names_holders_and_channels() {
    hub!(HUB, STACKS);
    static LOCK: Mutex<()> = Mutex::new(()).named("lock");
    static REQUESTS: Channel<u32> = Channel::new().named("requests");
    HUB.run(|main| {
        let one = main
            .build(&STACKS)
            .name("one")
            .spawn(|me| {
                let _guard = LOCK.lock(me)?;
                REQUESTS.receive(me)
            })
            .unwrap();
        let two = main.build(&STACKS).name("two").spawn(|me| LOCK.lock(me).map(drop)).unwrap();
        assert_eq!(two.join(main), Err(Stop::Deadlock));
        let text = main.report().to_string();
        assert_eq!(
            text,
            "  one        waits to receive from requests\n  two        waits for the lock lock, which one has\n"
        );
        one.kill();
        assert_eq!(one.join(main), Ok(Err(Stop::Killed)));
    })
    .unwrap();
}

#[test]
fn permits_go_to_tasks_in_the_order_in_which_they_came() {
    hub!(HUB, STACKS);
    static PERMITS: Semaphore = Semaphore::new(2);
    let log = log();
    let out = log.clone();
    HUB.run(move |main| {
        let tasks = [0, 1, 2, 3, 4].map(|n| {
            let log = log.clone();
            main.spawn(&STACKS, move |me| {
                let _permit = PERMITS.acquire(me)?;
                say!(log, "{n}");
                me.yield_now()?;
                say!(log, "{n}");
                Ok(())
            })
            .unwrap()
        });
        for task in tasks {
            task.join(main).unwrap().unwrap();
        }
        assert!(PERMITS.try_acquire(main).is_some());
    })
    .unwrap();
    assert_eq!(out.borrow().join(""), "0101232344");
}

#[test]
fn a_notification_of_a_task_that_is_stopped_goes_to_the_next_one() {
    hub!(HUB, STACKS);
    static LOCK: Mutex<u32> = Mutex::new(0);
    static CHANGED: Condition = Condition::new();
    HUB.run(|main| {
        let wait = |me: &Task| {
            let mut guard = LOCK.lock(me)?;
            while *guard == 0 {
                guard = CHANGED.wait(me, guard)?;
            }
            *guard -= 1;
            Ok(())
        };
        let first = main.spawn(&STACKS, wait).unwrap();
        let second = main.spawn(&STACKS, wait).unwrap();
        main.yield_now().unwrap();
        *LOCK.lock(main).unwrap() += 1;
        CHANGED.notify_one(main);
        first.kill(); // it is notified, and cannot lock any more
        assert_eq!(first.join(main), Ok(Err(Stop::Killed)));
        assert_eq!(second.join(main), Ok(Ok(())));
    })
    .unwrap();
}
