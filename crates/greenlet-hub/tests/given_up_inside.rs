//! Tasks that are given up in code of the program that the hub calls, and on a stack where the hub does not expect it.
#![cfg(all(feature = "std", feature = "abandon"))]

use greenlet::StackPool;
use greenlet_hub::{Event, Hub, Mutex, Refusal, Signal, Stop, Threads, select};
use std::cell::Cell;
use std::hint::black_box;
use std::rc::Rc;

mod common;

use common::MS;

const GONE: Stop = Stop::Error("gone");

/// After how many values a task is given up, and what does that.
type Armed = Option<(u32, fn())>;

thread_local! {
    static ARMED: Cell<Armed> = const { Cell::new(None) };
}

/// The values of the tree: to make one is code of the program.
struct Value;

impl Default for Value {
    fn default() -> Self {
        match ARMED.take() {
            Some((0, give_up)) => give_up(),
            Some((more, give_up)) => ARMED.set(Some((more - 1, give_up))),
            None => {}
        }
        Self
    }
}

type Task = greenlet_hub::Task<Value>;

/// A hub whose stacks return, stacks for it, and a function that gives up the task that calls it.
macro_rules! hub {
    ($hub:ident, $stacks:ident, $give_up:ident) => {
        static PLATFORM: Threads = Threads::new();
        // SAFETY: nothing in these tests refers to frames of a task that is given up.
        static $hub: Hub<8, Value> = unsafe { Hub::new(&PLATFORM).reclaiming() };
        static $stacks: StackPool<8, 65536> = StackPool::new();
        fn $give_up() {
            // SAFETY: nothing returns to its code, and what these tests share is sound when half changed.
            let refused = unsafe { $hub.abandon_current("gone") };
            panic!("{}", refused.unwrap_err().reason)
        }
    };
}

/// The first value is for the new task, which has not got its body then; the next one is for the way back; the third one is that of
/// the wait of the scope.
#[test]
fn a_task_of_a_scope_that_has_no_body_yet_never_begins() {
    hub!(HUB, STACKS, give_up);
    HUB.run(|main| {
        for values in 0..3 {
            let begun = Cell::new(0);
            let outer = main.scope(|scope| {
                scope.spawn(&STACKS, |spawner: &Task| {
                    spawner.scope(|own| {
                        ARMED.set(Some((values, give_up)));
                        own.spawn(&STACKS, |task| {
                            begun.set(begun.get() + 1);
                            task.yield_now()
                        })?;
                        Ok(())
                    })
                })?;
                Ok(())
            });
            ARMED.set(None);
            assert_eq!(outer, Err(GONE), "{values}");
            for _ in 0..4 {
                main.yield_now().unwrap();
            }
            assert_eq!(begun.get(), 0, "{values}: it runs when the scope that lent this has returned");
            assert_eq!(STACKS.free(), 8, "{values}");
        }
    })
    .unwrap();
}

/// The task of the scope has the turn, but does not run: its task, which the kernel has resumed, has its `&Task`. Nodes and timers
/// would lie on the stack of the one, in the name of the other.
#[test]
fn a_task_that_is_resumed_out_of_turn_leaves_nothing_in_the_name_of_another_one() {
    hub!(HUB, STACKS, give_up);
    static EVENT: Event = Event::new();
    static SIGNAL: Signal = Signal::new();
    static LOCK: Mutex<()> = Mutex::new(());
    HUB.run(|main| {
        let task = main.spawn(&STACKS, |parent: &Task| {
            let (held, own) = (LOCK.lock(parent)?, Rc::new(Cell::new(None)));
            let ended = parent.scope(|scope| {
                let kept = own.clone();
                scope.spawn(&STACKS, move |me| {
                    kept.set(Some(me.greenlet().clone()));
                    parent.remote().wake();
                    let _resumed = parent.greenlet().switch(Value);
                    let refused = Err(Stop::Refused(Refusal::NotCurrent));
                    assert_eq!(EVENT.wait(parent), refused);
                    assert_eq!(SIGNAL.wait(parent).map(drop), refused);
                    assert_eq!(parent.sleep(MS), refused);
                    assert_eq!(parent.park(), refused);
                    assert_eq!(select(parent, (EVENT.setting(), parent.sleeping(MS))).map(drop), refused);
                    assert_eq!(me.spawn(&STACKS, |_me| Ok(())).unwrap().join(parent).map(drop), refused);
                    assert_eq!(parent.scope(|_| Ok::<_, Stop>(())), refused);
                    let timed = parent.with_timeout(MS, || Ok::<_, Stop>(()));
                    assert_eq!(timed.map(drop), refused);
                    ARMED.set(Some((0, give_up)));
                    assert_eq!(LOCK.lock(parent).map(drop), Err(Stop::Refused(Refusal::LockCycle { name: None })));
                    let _given_up = <Value as Default>::default();
                    Ok(())
                })?;
                parent.park()?;
                parent.check()?;
                let task = own.take().unwrap();
                let _resumed = task.switch(Value);
                Ok(())
            });
            assert_eq!(ended, Err(GONE));
            drop(held);
            assert_eq!(STACKS.free(), 7);
            // The next task on that stack overwrites what the frames were.
            let next = parent.spawn(&STACKS, |_me| Ok(black_box([0xffu8; 16_000])[7])).unwrap();
            assert_eq!(next.join(parent), Ok(Ok(0xff)));
            parent.sleep(2 * MS)?;
            EVENT.set(parent);
            SIGNAL.raise(1);
            assert_eq!(SIGNAL.wait(parent), Ok(1));
            Ok(())
        });
        assert_eq!(task.unwrap().join(main), Ok(Ok(())));
    })
    .unwrap();
}

/// The values of the end of a task, and an error that it never got, are those of the task: main is not given up, and gets nothing.
#[test]
fn a_task_that_is_given_up_when_its_body_has_returned_ends_as_any_other() {
    hub!(HUB, STACKS, give_up);
    HUB.run(|main| {
        for joined in [false, true] {
            let task = main.spawn(&STACKS, |_me| {
                ARMED.set(Some((0, give_up)));
                Ok(7)
            });
            let task = task.unwrap();
            if joined {
                // The join has the result; the rest of the task fails, which is nothing to the join.
                assert_eq!(task.join(main), Ok(Ok(7)));
            } else {
                drop(task);
                assert_eq!(main.yield_now(), Ok(()));
            }
            ARMED.set(None);
            assert_eq!(main.yield_now(), Ok(()));
            assert_eq!(STACKS.free(), 8, "{joined}");
        }
    })
    .unwrap();
}

#[test]
fn a_task_that_is_given_up_by_the_destructor_of_an_error_ends_as_any_other() {
    #[derive(Debug, PartialEq)]
    struct Loud(bool);
    impl Drop for Loud {
        fn drop(&mut self) {
            if self.0 {
                // SAFETY: as in the other tests.
                let refused = unsafe { HUB.abandon_current(Loud(false)) };
                panic!("{}", refused.unwrap_err().reason)
            }
        }
    }
    static PLATFORM: Threads = Threads::new();
    // SAFETY: nothing in these tests refers to frames of a task that is given up.
    static HUB: Hub<2, (), Loud> = unsafe { Hub::new(&PLATFORM).reclaiming() };
    static STACKS: StackPool<2, 65536> = StackPool::new();
    HUB.run(|main| {
        for _ in 0..4 {
            let task = main.spawn(&STACKS, |me| {
                me.shield(|| me.yield_now())?;
                Ok(())
            });
            let task = task.unwrap();
            main.yield_now().unwrap();
            task.throw(Loud(true)).unwrap();
            drop(task);
            assert_eq!(main.yield_now(), Ok(()));
            assert_eq!(main.yield_now(), Ok(()));
            assert_eq!(STACKS.free(), 2);
        }
    })
    .unwrap();
}
