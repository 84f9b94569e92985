//! Scopes: tasks that borrow. Hosted, where every test thread is a core.
#![cfg(feature = "std")]

mod common;

use common::{MS, refuse_to_end};
use greenlet_hub::{Channel, Refusal, SpawnError, Stop, Task};
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
    HUB.run(|main| {
        let not_current = Stop::Refused(Refusal::NotCurrent);
        main.scope(|scope| {
            scope.spawn(&STACKS, |me| {
                assert_eq!(main.sleep(MS), Err(not_current));
                assert_eq!(LINE.receive(main), Err(not_current));
                assert_eq!(main.scope(|_| Ok(())), Err(not_current));
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
