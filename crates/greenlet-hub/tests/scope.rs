//! Scopes: tasks that borrow. Hosted, where every test thread is a core.
#![cfg(any(feature = "std", miri))]

mod common;

use common::{MS, refuse_to_end};
use greenlet::{Event, Greenlet};
use greenlet_hub::{Channel, Mutex, Refusal, SpawnError, Stop, Task};
use std::cell::{Cell, RefCell};

#[test]
fn tasks_borrow_and_have_ended_when_the_scope_returns() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        let list = RefCell::new(Vec::new());
        let (list_, text) = (&list, String::from("x"));
        let text = &text;
        main.scope(|scope| {
            for n in 0..4 {
                scope.spawn(&STACKS, move |me| {
                    for _ in 0..2 {
                        list_.borrow_mut().push(format!("{text}{n}"));
                        me.yield_now()?;
                    }
                    Ok(())
                })?;
            }
            assert!(list_.borrow().is_empty(), "they have begun, and nothing of their bodies has run");
            Ok(())
        })
        .unwrap();
        assert_eq!(list.into_inner().join(" "), "x0 x1 x2 x3 x0 x1 x2 x3");
        assert_eq!(STACKS.free(), 8);
    })
    .unwrap();
}

#[test]
fn the_first_error_kills_the_others_and_is_returned() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        let ends = RefCell::new(Vec::new());
        let failed: Result<(), Stop> = main.scope(|scope| {
            scope.spawn(&STACKS, |me| {
                ends.borrow_mut().push(me.sleep(MS * 100_000));
                Ok(())
            })?;
            scope.spawn(&STACKS, |me| {
                me.sleep(MS)?;
                Err("broken".into())
            })?;
            Ok(())
        });
        assert_eq!(failed, Err(Stop::Error("broken")));
        assert_eq!(*ends.borrow(), [Err(Stop::Killed)]);
    })
    .unwrap();
}

#[test]
fn an_error_of_the_body_a_kill_and_a_timeout_end_the_tasks_first() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        let ended = Cell::new(0);
        let add = |n| ended.set(ended.get() + n);
        let failed: Result<(), Stop> = main.scope(|scope| {
            scope.spawn(&STACKS, |me| {
                let stop = me.park();
                me.shield(|| me.sleep(2 * MS)).unwrap();
                add(1);
                stop
            })?;
            main.yield_now()?;
            Err("body".into())
        });
        assert_eq!((failed, ended.get()), (Err(Stop::Error("body")), 1));
        let timeout = main.with_timeout(MS, || {
            main.scope(|scope| {
                scope.spawn(&STACKS, |me| {
                    let stop = me.park();
                    me.shield(|| me.sleep(2 * MS)).unwrap();
                    add(10);
                    stop
                })?;
                Ok(())
            })
        });
        assert_eq!((timeout, ended.get()), (Ok(None), 11));
        static ENDED: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let parent = main
            .spawn(&STACKS, |me| {
                let local = String::from("of the parent");
                me.scope(|scope| {
                    scope.spawn(&STACKS, |me| {
                        let stop = me.park();
                        ENDED.store(local.len() as u32, std::sync::atomic::Ordering::Relaxed);
                        stop
                    })?;
                    Ok(())
                })
            })
            .unwrap();
        main.yield_now().unwrap();
        parent.kill();
        assert_eq!(parent.join(main), Ok(Err(Stop::Killed)));
        assert_eq!(ENDED.load(std::sync::atomic::Ordering::Relaxed), 13);
        assert_eq!(STACKS.free(), 8);
    })
    .unwrap();
}

#[test]
#[cfg_attr(miri, ignore = "without `std` a panic of a task ends the program")]
fn a_panic_leaves_the_scope_when_the_tasks_have_ended() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        let ended = Cell::new(false);
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _never: Result<(), Stop> = main.scope(|scope| {
                scope.spawn(&STACKS, |me| {
                    let stop = me.park();
                    ended.set(true);
                    stop
                })?;
                main.yield_now()?;
                std::panic::panic_any("body")
            });
        }));
        assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"body"));
        assert!(ended.get());
        assert_eq!(STACKS.free(), 8);
    })
    .unwrap();
}

#[test]
fn a_refused_spawn_gives_the_body_back() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        let count = Cell::new(0);
        let failed = main.scope(|scope| {
            for _ in 0..8 {
                scope.spawn(&STACKS, |me| me.park())?;
            }
            let refused = scope
                .spawn(&STACKS, |_me| {
                    count.set(count.get() + 1);
                    Ok(())
                })
                .unwrap_err();
            assert_eq!(refused.reason, Stop::Spawn(SpawnError::NoSlot { tasks: 8 }));
            let _body = refused.returned;
            Err::<(), _>(Stop::Error("full"))
        });
        assert_eq!(failed, Err(Stop::Error("full")));
        assert_eq!(STACKS.free(), 8);
    })
    .unwrap();
}

#[test]
fn the_task_of_the_parent_is_refused_in_a_child() {
    hub!(HUB, STACKS);
    static LINE: Channel<u32> = Channel::new();
    static LOCK: Mutex<()> = Mutex::new(());
    HUB.run(|main| {
        let not_current = Stop::Refused(Refusal::NotCurrent);
        main.scope(|scope| {
            scope.spawn(&STACKS, |me| {
                assert_eq!(main.sleep(MS), Err(not_current));
                assert_eq!(LINE.receive(main), Err(not_current));
                assert_eq!(main.scope(|_| Ok(())), Err(not_current));
                assert_eq!(main.check(), Err(not_current));
                assert_eq!(main.with_timeout(MS, || Ok(())), Err(not_current));
                assert!(LOCK.lock(main).is_err_and(|stop| stop == not_current));
                let over = me.spawn(&STACKS, |_me| Ok(())).unwrap();
                me.yield_now()?;
                assert_eq!(over.join(main), Err(not_current));
                assert_eq!(LINE.balance(me), 0);
                me.sleep(MS)
            })?;
            Ok(())
        })
        .unwrap();
    })
    .unwrap();
}

#[test]
fn scopes_nest() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        let sum = Cell::new(0);
        main.scope(|outer| {
            for n in 1..3 {
                let sum = &sum;
                outer.spawn(&STACKS, move |me| {
                    let local = Cell::new(n);
                    me.scope(|inner| {
                        inner.spawn(&STACKS, |me| {
                            me.yield_now()?;
                            sum.set(sum.get() + local.get());
                            Ok(())
                        })?;
                        local.set(n * 10);
                        Ok(())
                    })
                })?;
            }
            Ok(())
        })
        .unwrap();
        assert_eq!(sum.get(), 30);
    })
    .unwrap();
}

#[test]
fn a_run_takes_over_nothing_of_one_that_ends_in_a_scope() {
    static NEVER: Channel<()> = Channel::new();
    hub!(HUB, STACKS);
    HUB.run(|main| {
        let parent = |me: &Task| {
            me.scope(|scope| {
                scope.spawn(&STACKS, |me| me.shield(|| NEVER.receive(me)))?;
                Ok(())
            })
        };
        drop(main.spawn(&STACKS, parent).unwrap());
        main.sleep(MS).unwrap();
    })
    .unwrap();
    // The kernel has ended both of them, the second one after the run: its slot is in the list of free ones once.
    HUB.run(|main| {
        let [a, b] = [1, 2].map(|n| main.spawn(&STACKS, move |_me| Ok(n)).unwrap());
        assert_eq!((a.join(main), b.join(main)), (Ok(Ok(1)), Ok(Ok(2))));
    })
    .unwrap();
    assert_eq!(STACKS.free(), 8);
}

#[test]
#[cfg_attr(miri, ignore = "without `std` a panic of a task ends the program")]
fn a_panic_of_a_task_that_is_killed_waits_for_the_other_ones() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        let ended = Cell::new(false);
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            main.scope(|scope| {
                scope.spawn(&STACKS, |me| {
                    let _killed = me.park();
                    std::panic::panic_any("task")
                })?;
                scope.spawn(&STACKS, |me| {
                    me.shield(|| me.sleep(20 * MS))?;
                    ended.set(true);
                    Ok(())
                })?;
                main.yield_now()?;
                Err::<(), Stop>("body".into())
            })
        }));
        assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"task"));
        assert!(ended.get());
        assert_eq!((main.check(), STACKS.free()), (Ok(()), 8));
    })
    .unwrap();
}

#[test]
fn a_task_of_a_scope_spawns_another_one() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        let order = RefCell::new(Vec::new());
        let list = &order;
        let ended = main.scope(|scope| {
            scope
                .spawn(&STACKS, move |_me| {
                    scope.spawn(&STACKS, move |me| {
                        list.borrow_mut().push("second");
                        me.yield_now()?;
                        list.borrow_mut().push("end");
                        Ok(())
                    })?;
                    list.borrow_mut().push("first");
                    Ok(())
                })
                .map_err(Stop::from)
        });
        assert_eq!((ended, order.into_inner().join(" ")), (Ok(()), "first second end".into()));
        assert_eq!(STACKS.free(), 8);
    })
    .unwrap();
}

type Handle = Greenlet<(), &'static str>;

std::thread_local! {
    static TARGET: RefCell<Option<Handle>> = const { RefCell::new(None) };
}

/// Has a tracer called in the next arrival, which is the first one at a new task.
fn in_the_arrival(main: &Handle, tracer: &'static dyn Fn(&Handle) -> Result<(), &'static str>) {
    type Hook = dyn Fn(&Handle) -> Result<(), &'static str>;
    std::thread_local! {
        static HOOK: Cell<Option<&'static Hook>> = const { Cell::new(None) };
    }
    HOOK.set(Some(tracer));
    main.set_trace(Some(&|_event: Event, origin: &Handle, target: &Handle| {
        origin.set_trace(None);
        HOOK.get().unwrap()(target)
    }));
}

#[test]
#[cfg_attr(miri, ignore = "a thread-local is of one greenlet")]
fn a_task_that_a_tracer_keeps_from_its_body_never_begins() {
    hub!(HUB, STACKS);
    let spawn_in_main = |tracer| {
        HUB.run(|main| {
            let text = String::from("borrowed");
            let began = Cell::new(false);
            let kept = main.scope(|scope| {
                in_the_arrival(main.greenlet(), tracer);
                let refused = scope.spawn(&STACKS, |_me| {
                    began.set(text.len() == 8);
                    Ok(())
                });
                let refused = refused.unwrap_err();
                assert_eq!(refused.reason, Stop::Spawn(SpawnError::NotBegun));
                main.yield_now()?;
                main.yield_now()
            });
            assert!(!began.get());
            main.spawn(&STACKS, |_me| Ok(())).unwrap().join(main).unwrap().unwrap(); // releases the stack of the last one
            assert_eq!(STACKS.free(), 8);
            kept
        })
        .unwrap()
    };
    // It switches away, and returns when the task is resumed.
    assert_eq!(spawn_in_main(&|target| target.parent().unwrap().switch(()).map_err(|_| "exit")), Ok(()));
    // A kill is settled in that switch, and the tracer fails: the task ends there.
    let killed = spawn_in_main(&|target| {
        target.remote().kill().unwrap();
        target.parent().unwrap().switch(()).map_err(|_| "killed")
    });
    assert_eq!(killed, Ok(()));
    assert_eq!(spawn_in_main(&|_target| Err("refused")), Err(Stop::Error("refused")));
}

#[test]
#[cfg_attr(miri, ignore = "without `std` a panic of a task ends the program")]
fn a_panic_of_a_tracer_that_leaves_spawn_keeps_the_task_from_its_body() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        let began = Cell::new(false);
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            main.scope(|scope| {
                in_the_arrival(main.greenlet(), &|target| {
                    main_switches_with_a_panic(target);
                    Ok(())
                });
                scope.spawn(&STACKS, |_me| {
                    began.set(true);
                    Ok(())
                })?;
                Ok(())
            })
        }));
        assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"tracer"));
        main.yield_now().unwrap();
        assert_eq!((began.get(), STACKS.free()), (false, 8));
    })
    .unwrap();
}

/// Switches to the parent, whose arrival another tracer leaves by a panic.
fn main_switches_with_a_panic(task: &Handle) {
    task.set_trace(Some(&|_: Event, origin: &Handle, _: &Handle| {
        origin.set_trace(None);
        std::panic::panic_any("tracer")
    }));
    let _resumed = task.parent().unwrap().switch(());
}

#[test]
#[cfg_attr(miri, ignore = "a thread-local is of one greenlet")]
fn a_task_that_spawns_runs_on_though_the_new_one_dies_before_its_body() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        let parent = main
            .spawn(&STACKS, |me| {
                me.scope(|scope| {
                    in_the_arrival(me.greenlet(), &|_task| Err("refused"));
                    assert!(scope.spawn(&STACKS, |_me| Ok(())).is_err());
                    Ok(7)
                })
            })
            .unwrap();
        // What the tracer returns goes to the parent of the new task, which is main.
        assert_eq!(main.park(), Err(Stop::Error("refused")));
        assert_eq!(parent.join(main), Ok(Ok(7)));
        assert_eq!(STACKS.free(), 8);
    })
    .unwrap();
}

#[test]
#[cfg_attr(miri, ignore = "a thread-local is of one greenlet")]
fn what_the_kernel_throws_before_the_body_begins_is_not_lost() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        let begun = Cell::new(None);
        for exit in [false, true] {
            begun.set(None);
            let ended = main.scope(|scope| {
                in_the_arrival(main.greenlet(), &|task| {
                    TARGET.set(Some(task.clone()));
                    Ok(())
                });
                scope.spawn(&STACKS, |me| {
                    begun.set(Some(me.yield_now()));
                    Ok(())
                })?;
                let task = TARGET.take().unwrap();
                let _back = if exit { task.kill() } else { task.throw("thrown") };
                Ok(())
            });
            match exit {
                false => assert_eq!((ended, begun.get()), (Ok(()), Some(Err(Stop::Error("thrown"))))),
                true => assert_eq!((ended, begun.get()), (Err(Stop::Killed), None)),
            }
        }
        main.spawn(&STACKS, |_me| Ok(())).unwrap().join(main).unwrap().unwrap(); // releases the stack of the last one
        assert_eq!(STACKS.free(), 8);
    })
    .unwrap();
}

#[test]
fn a_child_that_refuses_to_end_does_not_keep_the_run() {
    hub!(HUB, STACKS);
    for leaked in [2, 4] {
        HUB.run(|main| {
            let parent = |me: &Task| me.scope(|scope| Ok(scope.spawn(&STACKS, refuse_to_end)?));
            drop(main.spawn(&STACKS, parent).unwrap());
            main.sleep(MS).unwrap();
        })
        .unwrap();
        assert_eq!(STACKS.free(), 8 - leaked);
    }
}

#[test]
fn a_shield_through_the_task_of_the_parent_hides_nothing_from_it() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        let seen = Cell::new(Ok(()));
        let ended = main.scope(|scope| {
            scope.spawn(&STACKS, |me| main.shield(|| me.park()))?;
            main.yield_now()?;
            main.remote().kill();
            seen.set(main.check());
            Err::<(), _>("done".into())
        });
        assert_eq!((seen.get(), ended), (Err(Stop::Killed), Err(Stop::Error("done"))));
    })
    .unwrap();
}

#[test]
#[cfg_attr(miri, ignore = "no processes")]
fn a_second_panic_while_a_scope_closes_ends_the_program() {
    hub!(HUB, STACKS);
    const CHILD: &str = "GREENLET_HUB_TEST_CHILD";
    if std::env::var_os(CHILD).is_none() {
        let name = "a_second_panic_while_a_scope_closes_ends_the_program";
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        let output =
            child.args([name, "--exact", "--nocapture"]).env(CHILD, "1").env("RUST_BACKTRACE", "0").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains("second") && !said.contains("left"), "{said}");
        return;
    }
    HUB.run(|main| {
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            main.scope(|scope| {
                for text in ["first", "second"] {
                    scope.spawn(&STACKS, move |me| {
                        let _killed = me.park();
                        panic!("{text}")
                    })?;
                }
                main.yield_now()?;
                Err::<(), Stop>("body".into())
            })
        }));
        eprintln!("left: {}", caught.is_err());
    })
    .unwrap();
}
