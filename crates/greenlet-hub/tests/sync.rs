//! Channels, mutexes, events, semaphores, conditions, select. Hosted, where every test thread is a core.
#![cfg(feature = "std")]

mod common;

use common::{MS, log};
use greenlet_hub::{
    Bounded, Channel, Chosen2, Chosen3, Condition, Event, JoinHandle, Mutex, Preference, Refusal, Semaphore, Stop,
    Task, select,
};
use std::cell::Cell;
use std::rc::Rc;

/// The order of lines when a receiver waits and a sender comes, and the other way round.
fn orders(preference: Preference) -> (String, String) {
    hub!(HUB, STACKS);
    // Tests that run at the same time share the hub.
    static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let channel: &'static Channel<u32> = Box::leak(Box::new(Channel::new().preferring(preference)));
    let mut orders = Vec::new();
    for receiver_first in [true, false] {
        let log = log();
        let out = log.clone();
        HUB.run(move |main| {
            let (receives, sends, others) = (log.clone(), log.clone(), log.clone());
            let receive = move |me: &Task| {
                say!(receives, "r");
                channel.receive(me)?;
                say!(receives, "R");
                Ok(())
            };
            let send = move |me: &Task| {
                say!(sends, "s");
                channel.send(me, 1)?;
                say!(sends, "S");
                Ok(())
            };
            let other = move |_me: &Task| {
                say!(others, "o");
                Ok(())
            };
            let first: JoinHandle<()>;
            let second: JoinHandle<()>;
            if receiver_first {
                first = main.spawn(&STACKS, receive).unwrap();
                second = main.spawn(&STACKS, send).unwrap();
            } else {
                first = main.spawn(&STACKS, send).unwrap();
                second = main.spawn(&STACKS, receive).unwrap();
            }
            let third = main.spawn(&STACKS, other).unwrap();
            for task in [first, second, third] {
                task.join(main).unwrap().unwrap();
            }
        })
        .unwrap();
        orders.push(out.borrow().join(""));
    }
    (orders.remove(0), orders.remove(0))
}

#[test]
fn a_preferred_receiver_runs_at_once_and_the_sender_goes_to_the_end() {
    assert_eq!(orders(Preference::Receiver), ("rsRoS".into(), "srRoS".into()));
}

#[test]
fn without_a_preference_the_task_that_came_second_continues() {
    assert_eq!(orders(Preference::Neither), ("rsSoR".into(), "srRoS".into()));
}

#[test]
fn a_preferred_sender_is_the_mirror_image() {
    assert_eq!(orders(Preference::Sender), ("rsSoR".into(), "srSoR".into()));
}

#[test]
fn with_both_preferred_every_operation_lets_others_run() {
    assert_eq!(orders(Preference::Both), ("rsoRS".into(), "sroSR".into()));
}

#[test]
fn a_kill_and_a_timeout_lose_no_value() {
    hub!(HUB, STACKS);
    static LINE: Channel<Box<u32>> = Channel::new().preferring(Preference::Neither);
    HUB.run(|main| {
        // The value is handed over, then the receiver is killed before it has run: it gets the value, and stops at its
        // next wait.
        let receiver = main
            .spawn(&STACKS, |me| {
                let got = LINE.receive(me);
                let next = LINE.receive(me);
                Ok((got.map(|x| *x), next.map(|x| *x)))
            })
            .unwrap();
        main.yield_now().unwrap();
        LINE.send(main, Box::new(7)).unwrap();
        receiver.kill();
        assert_eq!(receiver.join(main).unwrap(), Ok((Ok(7), Err(Stop::Killed))));
        // The sender is stopped before a receiver came: it gets its value back.
        let sender = main
            .spawn(&STACKS, |me| {
                let sent = me.with_timeout(MS, || match LINE.send(me, Box::new(9)) {
                    Err(refused) => {
                        assert!(matches!(refused.reason, Stop::Timeout(_)));
                        Ok(*refused.returned)
                    }
                    Ok(()) => unreachable!(),
                })?;
                Ok(sent)
            })
            .unwrap();
        assert_eq!(sender.join(main).unwrap(), Ok(Some(9)));
        assert_eq!(LINE.balance(main), 0);
    })
    .unwrap();
}

#[test]
fn close_lets_waiting_senders_be_received_and_ends_waiting_receivers() {
    hub!(HUB, STACKS);
    static LINE: Channel<u32> = Channel::new();
    static OTHER: Channel<u32> = Channel::new();
    HUB.run(|main| {
        let senders = [1, 2].map(|n| main.spawn(&STACKS, move |me| Ok(LINE.send(me, n)?)).unwrap());
        let receiver = main.spawn(&STACKS, |me| Ok(OTHER.receive(me))).unwrap();
        main.yield_now().unwrap();
        LINE.close(main);
        OTHER.close(main);
        assert_eq!(receiver.join(main), Ok(Ok(Err(Stop::Closed))));
        let late = LINE.send(main, 3).unwrap_err();
        assert_eq!((late.reason, late.returned), (Stop::Closed, 3));
        let mut got = Vec::new();
        while let Ok(n) = LINE.receive(main) {
            got.push(n);
        }
        assert_eq!(got, [1, 2]);
        for sender in senders {
            sender.join(main).unwrap().unwrap();
        }
    })
    .unwrap();
}

#[test]
fn a_bounded_channel_hands_over_in_order() {
    hub!(HUB, STACKS);
    static LINES: Bounded<u32, 3> = Bounded::new();
    HUB.run(|main| {
        let sender = main
            .spawn(&STACKS, |me| {
                for n in 0..50 {
                    LINES.send(me, n)?;
                }
                LINES.close(me);
                Ok(())
            })
            .unwrap();
        let mut next = 0;
        while let Ok(n) = LINES.receive(main) {
            assert_eq!(n, next);
            next += 1;
        }
        assert_eq!(next, 50);
        sender.join(main).unwrap().unwrap();
    })
    .unwrap();
}

#[test]
fn select_takes_turns_among_those_that_are_ready() {
    hub!(HUB, STACKS);
    static A: Channel<u32> = Channel::new();
    static B: Channel<u32> = Channel::new();
    HUB.run(|main| {
        for (channel, n) in [(&A, 0), (&B, 1)] {
            drop(main.spawn(&STACKS, move |me| {
                loop {
                    channel.send(me, n)?;
                    if false {
                        break Ok(());
                    }
                }
            }));
        }
        main.yield_now().unwrap();
        let mut counts = [0, 0];
        for _ in 0..200 {
            let (index, value) = select(main, [A.receiving(), B.receiving()]).unwrap();
            assert_eq!(value, Ok(index as u32));
            counts[index] += 1;
            main.yield_now().unwrap();
        }
        assert!(counts.iter().all(|count| (70..=130).contains(count)), "{counts:?}");
    })
    .unwrap();
}

#[test]
fn two_selects_in_alternation_starve_no_arm() {
    hub!(HUB, STACKS);
    static LINES: [Channel<u32>; 4] = [const { Channel::new() }; 4];
    HUB.run(|main| {
        for line in &LINES {
            drop(main.spawn(&STACKS, |me| -> Result<(), Stop> {
                loop {
                    line.send(me, 0)?;
                }
            }));
        }
        let mut counts = [0; 4];
        for _ in 0..200 {
            main.yield_now().unwrap();
            for (first, pair) in [(0, [&LINES[0], &LINES[1]]), (2, [&LINES[2], &LINES[3]])] {
                counts[first + select(main, pair.map(|line| line.receiving())).unwrap().0] += 1;
            }
        }
        assert!(counts.iter().all(|count| (70..=130).contains(count)), "{counts:?}");
    })
    .unwrap();
}

#[test]
fn select_drops_nothing_that_an_arm_received() {
    hub!(HUB, STACKS);
    static A: Channel<Counted> = Channel::new();
    static B: Channel<Counted> = Channel::new();
    struct Counted(Rc<Cell<u32>>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    HUB.run(|main| {
        let drops = Rc::new(Cell::new(0));
        let kept = Rc::new(Cell::new(0));
        let keeps = kept.clone();
        let taker = main
            .spawn(&STACKS, move |me| {
                loop {
                    match select(me, (A.receiving(), B.receiving()))? {
                        Chosen2::First(value) | Chosen2::Second(value) => {
                            std::mem::forget(value?);
                            keeps.set(keeps.get() + 1);
                        }
                    }
                    if keeps.get() == 20 {
                        return Ok(());
                    }
                }
            })
            .unwrap();
        for _ in 0..10 {
            // Both at once, while it waits for either.
            main.yield_now().unwrap();
            let (one, two) = (drops.clone(), drops.clone());
            let a = main.spawn(&STACKS, move |me| Ok(A.send(me, Counted(one)).map_err(drop).is_ok())).unwrap();
            let b = main.spawn(&STACKS, move |me| Ok(B.send(me, Counted(two)).map_err(drop).is_ok())).unwrap();
            assert_eq!((a.join(main), b.join(main)), (Ok(Ok(true)), Ok(Ok(true))));
        }
        taker.join(main).unwrap().unwrap();
        assert_eq!((drops.get(), kept.get()), (0, 20));
    })
    .unwrap();
}

#[test]
fn select_over_a_mix() {
    hub!(HUB, STACKS);
    static IN: Channel<u32> = Channel::new();
    static OUT: Channel<u32> = Channel::new();
    static STOP: Event = Event::new();
    HUB.run(|main| {
        let mut task = main.spawn(&STACKS, |me| me.sleep(2 * MS)).unwrap();
        let worker = main
            .spawn(&STACKS, |me| {
                let mut seen = String::new();
                loop {
                    let arms = (IN.receiving(), OUT.sending(7), STOP.setting());
                    seen += match select(me, arms)? {
                        Chosen3::First(value) => {
                            value?;
                            "r"
                        }
                        Chosen3::Second(sent) => {
                            assert!(sent.is_ok());
                            "s"
                        }
                        Chosen3::Third(()) => return Ok(seen),
                    };
                }
            })
            .unwrap();
        IN.send(main, 1).unwrap();
        assert_eq!(OUT.receive(main), Ok(7));
        IN.send(main, 2).unwrap();
        let first = select(main, (task.joining(), main.sleeping(500 * MS))).unwrap();
        assert_eq!(first, Chosen2::First(()));
        assert_eq!(task.join(main), Ok(Ok(())));
        STOP.set(main);
        assert_eq!(worker.join(main), Ok(Ok("rsr".into())));
        assert_eq!((IN.balance(main), OUT.balance(main)), (0, 0));
    })
    .unwrap();
}

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

#[test]
fn waiters_of_a_run_that_is_over_are_forgotten() {
    hub!(HUB, STACKS);
    static LINE: Channel<Rc<u32>> = Channel::new();
    static LOCK: Mutex<u32> = Mutex::new(0);
    for _ in 0..2 {
        HUB.run(|main| {
            assert_eq!(LINE.balance(main), 0);
            *LOCK.try_lock(main).unwrap() += 1;
            // A task that refuses to end: its node and its guard are never left.
            drop(main.spawn(&STACKS, |me| {
                let _guard = LOCK.lock(me)?;
                me.shield(|| drop(LINE.send(me, Rc::new(1))));
                Ok(())
            }));
            main.yield_now().unwrap();
            assert_eq!(LINE.balance(main), 1);
            assert!(LOCK.try_lock(main).is_none());
        })
        .unwrap();
    }
}

#[test]
fn another_hub_is_refused() {
    hub!(HUB, STACKS);
    static LINE: Channel<u32> = Channel::new();
    let (ask, asked) = std::sync::mpsc::channel();
    let (go, goes) = std::sync::mpsc::channel::<()>();
    let other = std::thread::spawn(move || {
        static PLATFORM: greenlet_hub::Threads = greenlet_hub::Threads::new();
        static OTHER: greenlet_hub::Hub<1> = greenlet_hub::Hub::new(&PLATFORM);
        OTHER
            .run(|main| {
                assert_eq!(LINE.balance(main), 0);
                ask.send(()).unwrap();
                goes.recv().unwrap();
            })
            .unwrap();
    });
    asked.recv().unwrap();
    HUB.run(|main| {
        let used = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| LINE.balance(main)));
        let message = *used.unwrap_err().downcast::<&str>().unwrap();
        assert_eq!(message, "another hub uses this; between hubs, use a `Signal` or a `Remote`");
        go.send(()).unwrap();
        other.join().unwrap();
        assert_eq!(LINE.balance(main), 0); // its run is over
        assert!(STACKS.free() == 8);
    })
    .unwrap();
}
