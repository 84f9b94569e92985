//! Tasks: turns, wakes, kills, joins, futures. Hosted, where every test thread is a core.
#![cfg(any(feature = "std", miri))]

mod common;

use common::{MS, log};
use greenlet_hub::{JoinHandle, Mutex, Refusal, Remote, RemoteTask, Signal, Stop, Task};
use std::fmt::{self, Write};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering::*};
use std::task::Poll;
use std::thread;

#[test]
fn tasks_take_turns_and_are_joined() {
    hub!(HUB, STACKS);
    let sum = HUB.run(|main| {
        let a = main.spawn(&STACKS, |me| {
            for _ in 0..3 {
                me.yield_now()?;
            }
            Ok(20)
        });
        let b = main.spawn(&STACKS, |me| {
            me.sleep(MS)?;
            Ok(22_u64)
        });
        let sum = a.unwrap().join(main).unwrap().unwrap() + b.unwrap().join(main).unwrap().unwrap();
        assert_eq!(STACKS.free(), 8);
        sum
    });
    assert_eq!(sum.unwrap(), 42);
}

#[test]
fn turns_are_in_the_order_of_the_wakes() {
    hub!(HUB, STACKS);
    let log = log();
    let out = log.clone();
    HUB.run(move |main| {
        for n in 0..4 {
            let log = log.clone();
            drop(main.spawn(&STACKS, move |me| {
                for _ in 0..3 {
                    say!(log, "{n}");
                    me.yield_now()?;
                }
                Ok(())
            }));
        }
    })
    .unwrap();
    // Main has returned at once: none of them ever ran.
    assert_eq!(out.borrow().join(""), "");
    let log = out.clone();
    HUB.run(move |main| {
        let tasks: Vec<_> = (0..4)
            .map(|n| {
                let log = log.clone();
                main.spawn(&STACKS, move |me| {
                    for _ in 0..3 {
                        say!(log, "{n}");
                        me.yield_now()?;
                    }
                    Ok(())
                })
                .unwrap()
            })
            .collect();
        for task in tasks {
            task.join(main).unwrap().unwrap();
        }
    })
    .unwrap();
    assert_eq!(out.borrow().join(""), "012301230123");
}

#[test]
fn higher_levels_run_first() {
    hub!(HUB, STACKS);
    let log = log();
    let out = log.clone();
    HUB.run(move |main| {
        for level in [0, 2, 1, 3, 2] {
            let log = log.clone();
            let body = move |me: &greenlet_hub::Task| {
                for _ in 0..2 {
                    say!(log, "{level}");
                    me.yield_now()?;
                }
                Ok(())
            };
            drop(main.build(&STACKS).level(level).spawn(body).unwrap());
        }
        main.sleep(MS).unwrap();
    })
    .unwrap();
    assert_eq!(out.borrow().join(""), "3322221100");
}

#[test]
#[cfg_attr(miri, ignore = "threads are greenlets under Miri")]
fn another_thread_wakes() {
    hub!(HUB, STACKS);
    static SIGNAL: Signal = Signal::new().named("signal");
    static BACK: AtomicU32 = AtomicU32::new(0);
    const N: u32 = 20_000;
    let other = thread::spawn(|| {
        for n in 1..=N {
            SIGNAL.raise(1);
            while BACK.load(Acquire) < n {
                thread::yield_now();
            }
        }
    });
    HUB.run(|main| {
        let task = main.spawn(&STACKS, |me| {
            for n in 1..=N {
                assert_eq!(SIGNAL.wait(me)?, 1);
                BACK.store(n, Release);
            }
            Ok(())
        });
        assert_eq!(task.unwrap().join(main).unwrap(), Ok(()));
    })
    .unwrap();
    other.join().unwrap();
}

#[test]
#[cfg_attr(miri, ignore = "threads are greenlets under Miri")]
fn a_remote_channel_keeps_the_order_of_each_sender_and_loses_nothing() {
    hub!(HUB, STACKS);
    static LINE: Remote<(u32, u32), 8> = Remote::new();
    const N: u32 = 20_000;
    let others = [0, 1, 2].map(|sender| {
        thread::spawn(move || {
            for n in 0..N {
                while LINE.try_send((sender, n)).is_err() {
                    thread::yield_now();
                }
            }
        })
    });
    HUB.run(|main| {
        let task = main.spawn(&STACKS, |me| {
            let mut next = [0; 3];
            for _ in 0..3 * N {
                let (sender, n) = LINE.receive(me)?;
                assert_eq!(n, next[sender as usize]);
                next[sender as usize] += 1;
            }
            Ok(next)
        });
        let task = task.unwrap();
        main.yield_now().unwrap();
        assert_eq!(LINE.receive(main), Err(Stop::Refused(Refusal::SecondWaiter { name: None })));
        assert_eq!(task.join(main).unwrap(), Ok([N; 3]));
    })
    .unwrap();
    for other in others {
        other.join().unwrap();
    }
}

#[test]
fn a_second_waiter_of_a_signal_is_refused_by_name() {
    hub!(HUB, STACKS);
    static BUTTON: Signal = Signal::new().named("button");
    HUB.run(|main| {
        let first = main.spawn(&STACKS, |me| BUTTON.wait(me)).unwrap();
        main.yield_now().unwrap();
        let refused = BUTTON.wait(main).unwrap_err();
        assert!(refused.to_string().contains("`button`"), "{refused}");
        BUTTON.raise(4);
        assert_eq!(first.join(main), Ok(Ok(4)));
    })
    .unwrap();
}

#[test]
fn wakers_outlive_the_task_and_the_run() {
    hub!(HUB, STACKS);
    let wakers = HUB.run(|main| {
        let waker = main.spawn(&STACKS, |me| Ok(me.waker())).unwrap().join(main).unwrap().unwrap();
        let next = main.spawn(&STACKS, |me| me.sleep(MS)).unwrap();
        waker.wake_by_ref(); // of the next tenant: it waits on
        assert_eq!(next.join(main), Ok(Ok(())));
        (waker, main.waker(), main.remote())
    });
    let (task, main, remote) = wakers.unwrap();
    thread::spawn(move || {
        task.wake_by_ref();
        main.wake();
        assert!(!remote.kill(), "that run is over");
    })
    .join()
    .unwrap();
    HUB.run(|main| {
        let task = main.spawn(&STACKS, |me| me.sleep(MS)).unwrap();
        assert_eq!(task.join(main), Ok(Ok(())));
    })
    .unwrap();
}

#[test]
fn a_remote_kill_never_hits_the_next_tenant() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        let first = main.spawn(&STACKS, |me| Ok(me.remote())).unwrap().join(main).unwrap().unwrap();
        let second = main.spawn(&STACKS, |me| me.sleep(MS)).unwrap();
        assert!(!first.kill());
        assert_eq!(second.join(main), Ok(Ok(())));
        // Requested, and not seen before the task ends by itself.
        let third = main
            .spawn(&STACKS, |me| {
                assert!(me.remote().kill());
                Ok(())
            })
            .unwrap();
        assert_eq!(third.join(main), Ok(Ok(())));
        let fourth = main.spawn(&STACKS, |me| me.sleep(MS)).unwrap();
        assert_eq!(fourth.join(main), Ok(Ok(())));
        // Too late: the body is over, and its result waits for the join.
        let fifth = main.spawn(&STACKS, |_me| Ok(5)).unwrap();
        main.yield_now().unwrap();
        assert!(!fifth.remote().kill());
        assert_eq!(fifth.join(main), Ok(Ok(5)));
        let sixth = main.spawn(&STACKS, |me| me.park()).unwrap();
        assert!(sixth.remote().kill(), "the slot has another task");
        assert_eq!(sixth.join(main), Ok(Err(Stop::Killed)));
    })
    .unwrap();
}

#[test]
fn a_kill_before_the_start_holds() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        let task: JoinHandle<()> = main.spawn(&STACKS, |_me| panic!("it runs")).unwrap();
        task.kill();
        assert_eq!(task.join(main), Ok(Err(Stop::Killed)));
        assert_eq!(STACKS.free(), 8);
        // By the kernel's own means, too: the books are right.
        for _ in 0..20 {
            let task: JoinHandle<()> = main.spawn(&STACKS, |_me| panic!("it runs")).unwrap();
            main.greenlet().for_each(|greenlet| {
                if !greenlet.is_main() {
                    greenlet.cancel().unwrap();
                }
            });
            assert!(task.is_over());
            assert_eq!(task.join(main), Ok(Err(Stop::Killed)));
        }
        main.yield_now().unwrap();
    })
    .unwrap();
    assert_eq!(STACKS.free(), 8);
}

#[test]
fn a_kill_holds_until_the_body_is_over() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        let task = main
            .spawn(&STACKS, |me| {
                let mut kills = 0;
                for _ in 0..5 {
                    kills += u32::from(me.sleep(MS) == Err(Stop::Killed));
                }
                Ok(kills)
            })
            .unwrap();
        main.yield_now().unwrap();
        task.kill();
        assert_eq!(task.join(main), Ok(Ok(5)));
    })
    .unwrap();
}

#[test]
fn a_task_that_the_kernel_cancels_ends_its_books() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        for _ in 0..20 {
            let (out, name) = std::sync::mpsc::channel();
            let task = main
                .spawn(&STACKS, move |me| {
                    out.send(me.park()).unwrap();
                    Ok(())
                })
                .unwrap();
            main.yield_now().unwrap();
            main.greenlet().for_each(|greenlet| {
                if !greenlet.is_main() {
                    greenlet.cancel().unwrap();
                }
            });
            assert_eq!(name.recv().unwrap(), Err(Stop::Killed));
            assert!(matches!(task.join(main), Ok(Ok(()) | Err(Stop::Killed))));
        }
        assert_eq!(STACKS.free(), 8);
    })
    .unwrap();
}

#[test]
fn the_report_of_a_deadlock_names_every_task() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        let one = main.build(&STACKS).name("one").spawn(|me| me.check()).unwrap();
        one.join(main).unwrap().unwrap();
        let (handed, place) = std::sync::mpsc::channel::<JoinHandle<()>>();
        let two = main.build(&STACKS).name("two").spawn(move |me| place.recv().unwrap().join(me)?).unwrap();
        let three = main.build(&STACKS).name("three").spawn(move |me| two.join(me)?).unwrap();
        handed.send(three).unwrap();
        let never = main.spawn(&STACKS, |_me| Ok(())).unwrap();
        never.join(main).unwrap().unwrap();
        assert_eq!(main.sleep(MS), Ok(()));
        let text = main.report().to_string();
        assert_eq!(text, "  two        waits for the end of three\n  three      waits for the end of two\n");
    })
    .unwrap();
}

#[test]
fn a_report_may_be_printed_by_code_that_waits() {
    /// Lets the tasks end when the name of the second one is printed.
    struct Slow<'a>(&'a Task, RemoteTask, String);
    impl fmt::Write for Slow<'_> {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            if text == "two" {
                self.1.wake();
                self.0.sleep(MS).map_err(|_| fmt::Error)?;
            }
            self.2.push_str(text);
            Ok(())
        }
    }
    hub!(HUB, STACKS);
    HUB.run(|main| {
        let lock = Rc::new(Mutex::new(()).named("lock"));
        let gone = Rc::downgrade(&lock);
        let two = lock.clone();
        let holder = move |me: &Task| {
            let _guard = lock.lock(me)?;
            me.park()
        };
        let holder = main.build(&STACKS).name("one").spawn(holder).unwrap();
        drop(main.build(&STACKS).name("two").spawn(move |me| two.lock(me).map(drop)));
        main.yield_now().unwrap();
        let mut out = Slow(main, holder.remote(), String::new());
        drop(holder);
        write!(out, "{}", main.report()).unwrap();
        assert!(gone.upgrade().is_none(), "the lock was dropped meanwhile");
        assert_eq!(out.2, "  one        is parked\n  two        waits for the lock lock, which one has\n");
    })
    .unwrap();
}

#[test]
fn the_error_of_a_throw_is_delivered_once() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        let task = main.spawn(&STACKS, |me| Ok((me.park(), me.sleep(MS)))).unwrap();
        main.yield_now().unwrap();
        task.throw("first").unwrap();
        task.throw("second").unwrap();
        assert_eq!(task.join(main), Ok(Ok((Err(Stop::Error("second")), Ok(())))));
    })
    .unwrap();
}

#[test]
fn a_join_that_is_stopped_lets_the_task_continue() {
    hub!(HUB, STACKS);
    static DONE: AtomicU32 = AtomicU32::new(0);
    HUB.run(|main| {
        let task = main
            .spawn(&STACKS, |me| {
                me.sleep(10 * MS)?;
                DONE.store(1, Relaxed);
                Ok(())
            })
            .unwrap();
        assert_eq!(main.with_timeout(MS, || task.join(main)), Ok(None));
        main.sleep(30 * MS).unwrap();
        assert_eq!(DONE.load(Relaxed), 1);
        assert_eq!(STACKS.free(), 8);
    })
    .unwrap();
}

#[test]
fn a_future_that_waits_in_its_poll_loses_no_wake() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        let begun = main.now();
        main.with_timeout(2000 * MS, || {
            let mut polls = 0;
            main.wait(poll_fn(|context| {
                polls += 1;
                if polls > 1 {
                    return Poll::Ready(());
                }
                // The wake comes during the wait, which uses it up.
                let waker = context.waker().clone();
                let wakes = main.spawn(&STACKS, move |_me| {
                    waker.wake();
                    Ok(())
                });
                main.sleep(2 * MS).unwrap();
                drop(wakes);
                Poll::Pending
            }))
        })
        .unwrap();
        assert!(main.since(begun) < 1000 * MS, "it was polled because the time is over");
    })
    .unwrap();
}

#[test]
fn the_error_of_a_throw_before_the_start_ends_the_first_wait() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        let task = main.spawn(&STACKS, |me| Ok(me.yield_now()));
        let task = task.unwrap();
        task.throw("reload").unwrap();
        assert_eq!(task.join(main), Ok(Ok(Err(Stop::Error("reload")))));
    })
    .unwrap();
}
