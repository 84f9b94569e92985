//! Tasks that are given up in code of the program that the hub calls, and on a stack where the hub does not expect it.
#![cfg(all(feature = "std", feature = "abandon"))]

use greenlet::StackPool;
use greenlet_hub::{Hub, Stop, Threads};
use std::cell::Cell;

mod common;

const GONE: Stop = Stop::Error("gone");

thread_local! {
    /// What gives up the task that makes the next value but so many.
    static ARMED: Cell<Option<(u32, fn())>> = const { Cell::new(None) };
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
