//! Channels, events, select, and what belongs to which run. Hosted, where every test thread is a core.
#![cfg(any(feature = "std", miri))]

mod common;

use common::{MS, log};
use greenlet_hub::{Bounded, Channel, Chosen2, Chosen3, Event, JoinHandle, Mutex, Preference, Stop, Task, select};
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
#[cfg_attr(miri, ignore = "threads are greenlets under Miri")]
fn another_hub_is_refused() {
    hub!(HUB, STACKS);
    static LINE: Channel<u32> = Channel::new();
    let (ask, asked) = std::sync::mpsc::channel();
    let (go, goes) = std::sync::mpsc::channel::<()>();
    let other = std::thread::spawn(move || {
        static PLATFORM: common::Threads = common::Threads::new();
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
