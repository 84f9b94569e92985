//! What is left at the end of a run, and panics. Hosted, where every test thread is a core.
#![cfg(feature = "std")]

mod common;

use common::{MS, refuse_to_end};
use greenlet::EnterError;
use greenlet_hub::{
    Channel, Condition, Event, Hub, JoinHandle, Mutex, RunError, Semaphore, SpawnError, Stop, Task, Threads,
};
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering::*};
use std::thread;

#[test]
fn the_end_of_a_run_lets_shields_finish() {
    hub!(HUB, STACKS);
    static LAST: AtomicU32 = AtomicU32::new(0);
    HUB.run(|main| {
        drop(main.spawn(&STACKS, |me| {
            let stop = me.park();
            me.shield(|| me.sleep(2 * MS))?;
            LAST.store(7, Relaxed);
            stop
        }));
        main.yield_now().unwrap();
    })
    .unwrap();
    assert_eq!(LAST.load(Relaxed), 7);
    assert_eq!(STACKS.free(), 8);
    // A join in it completes as ever: of a task that the end of the run kills, and of one whose body was over before.
    let results = Rc::new(RefCell::new(Vec::new()));
    let out = results.clone();
    HUB.run(move |main| {
        let killed = main.spawn(&STACKS, |me| Ok(me.park())).unwrap();
        let over = main.spawn(&STACKS, |_me| Ok(Ok(()))).unwrap();
        drop(main.spawn(&STACKS, move |me| {
            let stop = me.park();
            for worker in [killed, over] {
                results.borrow_mut().push(me.shield(|| worker.join(me)));
            }
            stop
        }));
        main.sleep(MS).unwrap();
    })
    .unwrap();
    assert_eq!(*out.borrow(), [Ok(Ok(Err(Stop::Killed))), Ok(Ok(Ok(())))]);
    assert_eq!(STACKS.free(), 8);
    // And one that waits in it for ever does not keep the run.
    static NEVER: Event = Event::new();
    HUB.run(|main| {
        drop(main.spawn(&STACKS, |me| me.shield(|| NEVER.wait(me))));
        main.yield_now().unwrap();
    })
    .unwrap();
    assert_eq!(STACKS.free(), 8);
}

#[test]
fn no_task_begins_at_the_end_of_a_run() {
    hub!(HUB, STACKS);
    static REFUSED: AtomicU32 = AtomicU32::new(0);
    HUB.run(|main| {
        drop(main.spawn(&STACKS, |me| {
            let stop = me.park();
            let refused = me.spawn(&STACKS, |me| me.park()).unwrap_err();
            assert_eq!(refused.reason, SpawnError::Over);
            REFUSED.store(1, Relaxed);
            stop
        }));
        main.yield_now().unwrap();
    })
    .unwrap();
    assert_eq!(REFUSED.load(Relaxed), 1);
    assert_eq!(STACKS.free(), 8);
}

#[test]
fn of_several_panics_at_the_end_of_a_run_one_propagates() {
    hub!(HUB, STACKS);
    for main_panics in [false, true] {
        let run = panic::catch_unwind(|| {
            HUB.run(|main| {
                for _ in 0..2 {
                    let panics =
                        |me: &Task| -> Result<(), Stop> { panic::panic_any(me.park().unwrap_err().to_string()) };
                    drop(main.spawn(&STACKS, panics).unwrap());
                }
                main.yield_now().unwrap();
                assert!(!main_panics, "main panics");
            })
        });
        let payload = run.unwrap_err();
        assert_eq!(payload.is::<&str>(), main_panics, "the one of main, or the last of a task");
        assert_eq!(STACKS.free(), 8, "all of them have ended");
    }
}

#[test]
fn a_panic_of_a_task_is_main_s_and_the_books_are_right() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        let task: JoinHandle<()> = main.spawn(&STACKS, |_me| std::panic::panic_any("broken")).unwrap();
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| main.yield_now()));
        assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"broken"));
        assert_eq!(task.join(main), Ok(Err(Stop::Killed)));
        main.sleep(MS).unwrap();
        let task = main.spawn(&STACKS, |_me| Ok(1)).unwrap();
        assert_eq!(task.join(main), Ok(Ok(1)));
        assert_eq!(STACKS.free(), 8);
    })
    .unwrap();
}

#[test]
fn a_panic_that_leaves_main_s_wait_loses_no_lock_no_permit_and_no_notification() {
    hub!(HUB, STACKS);
    static LOCK: Mutex<u32> = Mutex::new(0);
    static PERMITS: Semaphore = Semaphore::new(0);
    static CHANGED: Condition = Condition::new();
    /// Has main wait in `wait`, until a task, `gives` of which completes that wait, ends with a panic.
    fn caught(main: &Task, gives: fn(&Task) -> Result<(), Stop>, wait: impl FnOnce() -> Result<(), Stop>) {
        let panics = move |me: &Task| -> Result<(), Stop> {
            gives(me)?;
            panic::panic_any("broken")
        };
        drop(main.spawn(&STACKS, panics).unwrap());
        main.yield_now().unwrap();
        panic::catch_unwind(AssertUnwindSafe(wait)).unwrap_err();
    }
    HUB.run(|main| {
        let unlocks = |me: &Task| {
            let guard = LOCK.lock(me)?;
            me.yield_now()?;
            drop(guard);
            Ok(())
        };
        caught(main, unlocks, || LOCK.lock(main).map(drop));
        assert!(LOCK.try_lock(main).is_some());
        let adds = |me: &Task| {
            me.yield_now()?;
            PERMITS.add(me);
            Ok(())
        };
        caught(main, adds, || PERMITS.acquire(main).map(drop));
        assert!(PERMITS.try_acquire(main).is_some());
        let notifies = |me: &Task| {
            me.yield_now()?;
            me.yield_now()?;
            CHANGED.notify_one(me);
            Ok(())
        };
        let guard = LOCK.lock(main).unwrap();
        let second = main.spawn(&STACKS, |me| {
            me.yield_now()?;
            CHANGED.wait(me, LOCK.lock(me)?).map(drop)
        });
        caught(main, notifies, || CHANGED.wait(main, guard).map(drop));
        assert_eq!(second.unwrap().join(main), Ok(Ok(())));
    })
    .unwrap();
}

#[test]
fn a_panic_that_leaves_a_scope_drops_what_the_scope_would_have_returned() {
    static PLATFORM: Threads = Threads::new();
    static HUB: Hub<1, (), Rc<()>> = Hub::new(&PLATFORM);
    static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
    let kept = Rc::new(());
    HUB.run(|main| {
        let scope = || {
            main.scope(|scope| {
                let panics = |me: &Task<(), Rc<()>>| {
                    let _killed = me.park();
                    panic::panic_any("broken")
                };
                scope.spawn(&STACKS, panics)?;
                main.yield_now()?;
                Err::<(), _>(Stop::Error(kept.clone()))
            })
        };
        panic::catch_unwind(AssertUnwindSafe(scope)).unwrap_err();
    })
    .unwrap();
    assert_eq!(Rc::strong_count(&kept), 1);
}

#[test]
fn a_value_whose_default_panics_loses_no_turn() {
    static PANICS: AtomicU32 = AtomicU32::new(0);
    struct Value;
    impl Default for Value {
        fn default() -> Self {
            assert_eq!(PANICS.swap(0, Relaxed), 0, "there is none");
            Self
        }
    }
    static PLATFORM: Threads = Threads::new();
    static HUB: Hub<2, Value> = Hub::new(&PLATFORM);
    static STACKS: greenlet::StackPool<2, 65536> = greenlet::StackPool::new();
    HUB.run(|main| {
        let task = main.spawn(&STACKS, |_me| Ok(42)).unwrap();
        PANICS.store(1, Relaxed);
        panic::catch_unwind(AssertUnwindSafe(|| main.yield_now())).unwrap_err();
        assert_eq!(task.join(main), Ok(Ok(42)));
    })
    .unwrap();
}

#[test]
fn no_handle_refers_to_a_task_of_a_run_that_a_panic_has_ended() {
    hub!(HUB, STACKS);
    static NEVER: Channel<()> = Channel::new();
    let kept = RefCell::new(None);
    let run = panic::catch_unwind(AssertUnwindSafe(|| {
        HUB.run(|main| {
            let panics = |me: &Task| -> Result<(), Stop> {
                let _killed = me.shield(|| NEVER.receive(me));
                panic::panic_any("at the end of the run")
            };
            drop(main.spawn(&STACKS, panics).unwrap());
            *kept.borrow_mut() = Some(main.spawn(&STACKS, refuse_to_end).unwrap());
            main.yield_now().unwrap();
        })
    }));
    assert_eq!(run.unwrap_err().downcast_ref(), Some(&"at the end of the run"));
    let kept: JoinHandle<()> = kept.take().unwrap();
    assert!(kept.is_over());
    assert!(!kept.remote().kill());
    HUB.run(|main| {
        for n in 0..8 {
            assert_eq!(main.spawn(&STACKS, move |_me| Ok(n)).unwrap().join(main), Ok(Ok(n)));
        }
    })
    .unwrap();
}

#[test]
fn an_error_that_was_not_delivered_is_dropped_when_the_run_is_over() {
    static DROPPED: AtomicU32 = AtomicU32::new(0);
    #[derive(Debug)]
    struct Local(thread::ThreadId);
    impl Drop for Local {
        fn drop(&mut self) {
            assert_eq!(self.0, thread::current().id(), "it is no other thread's");
            let refused = HUB.run(|_main| ()).unwrap_err();
            assert_eq!(refused.reason, RunError::Enter(EnterError::OtherCore), "the run is not over");
            DROPPED.fetch_add(1, Relaxed);
        }
    }
    static PLATFORM: Threads = Threads::new();
    static HUB: Hub<2, (), Local> = Hub::new(&PLATFORM);
    static STACKS: greenlet::StackPool<4, 65536> = greenlet::StackPool::new();
    let run = || {
        HUB.run(|main| {
            let stubborn: JoinHandle<(), (), Local> = main.spawn(&STACKS, refuse_to_end).unwrap();
            main.yield_now().unwrap();
            stubborn.throw(Local(thread::current().id())).unwrap();
            let throws = |me: &Task<(), Local>| {
                let main = me.greenlet().parent().unwrap();
                drop(main.throw(Local(thread::current().id())));
                Ok(())
            };
            drop(main.spawn(&STACKS, throws).unwrap());
            main.shield(|| main.yield_now()).unwrap();
        })
        .unwrap();
    };
    run();
    assert_eq!(DROPPED.load(Relaxed), 2);
    thread::spawn(run).join().unwrap();
    assert_eq!(DROPPED.load(Relaxed), 4);
}
