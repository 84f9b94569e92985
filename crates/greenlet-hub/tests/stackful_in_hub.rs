//! Greenlets as futures that tasks of a hub wait for.
#![cfg(feature = "std")]

mod common;
#[path = "common/futures.rs"]
mod futures;

use common::MS;
use futures::{Error, after};
use greenlet_hub::{Await, Signal, Stackful, Stop};
use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::thread;

#[test]
fn a_body_waits_deep_down_while_tasks_of_a_hub_run() {
    hub!(HUB, STACKS);
    fn depth(waits: &Await, n: u32) -> Result<u32, Error> {
        waits.wait(after(1))?;
        if n == 0 { Ok(0) } else { Ok(1 + depth(waits, n - 1)?) }
    }
    let turns = Rc::new(Cell::new(0));
    let counted = turns.clone();
    HUB.run(move |main| {
        let other = main.spawn(&STACKS, move |me| -> Result<(), Stop> {
            loop {
                counted.set(counted.get() + 1);
                me.yield_now()?;
            }
        });
        let future = Stackful::new(main.greenlet(), &STACKS, |waits| depth(waits, 9)).unwrap();
        let both = async { future.await.map(|n| n + 1) };
        assert_eq!(main.wait(both), Ok(Ok(10)));
        other.unwrap().kill();
        assert!(turns.get() >= 10, "{}", turns.get());
        main.yield_now().unwrap();
        assert_eq!(STACKS.free(), 8);
    })
    .unwrap();
}

#[test]
fn another_thread_wakes_the_body() {
    hub!(HUB, STACKS);
    static READY: Signal = Signal::new();
    HUB.run(|main| {
        let future = Stackful::new(main.greenlet(), &STACKS, |waits: &Await| {
            let mut handed_out = false;
            let other = poll_fn(|context| {
                if handed_out {
                    return Poll::Ready(());
                }
                handed_out = true;
                let waker = context.waker().clone();
                thread::spawn(move || waker.wake());
                Poll::Pending
            });
            waits.wait(other)?;
            READY.raise(1);
            Ok("woken")
        });
        assert_eq!(main.wait(future.unwrap()), Ok(Ok("woken")));
        assert_eq!(READY.take(), 1);
    })
    .unwrap();
}

#[test]
fn a_timeout_of_the_hub_drops_it_and_its_body_ends() {
    hub!(HUB, STACKS);
    HUB.run(|main| {
        let future = Stackful::new(main.greenlet(), &STACKS, |waits: &Await| waits.wait(std::future::pending::<()>()));
        assert_eq!(main.with_timeout(MS, || main.wait(future.unwrap())), Ok(None));
        assert_eq!(STACKS.free(), 8);
    })
    .unwrap();
}
