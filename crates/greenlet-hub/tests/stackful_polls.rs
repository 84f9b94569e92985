//! Greenlets as futures: which poll is refused, and what a poll is ready with. Without the feature `std`, also under
//! Miri.

#[path = "common/futures.rs"]
mod futures;

use futures::{Drops, Error, after, poll};
use greenlet::{Greenlet, Refusal, Thrown, Tree};
use greenlet_hub::{Await, Stackful};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};

type Boxed<T> = Pin<Box<dyn Future<Output = Result<T, Error>>>>;

/// Counts wakes.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn a_poll_outside_of_the_tree_is_refused() {
    tree!(TREE, STACKS, 1);
    static OTHER: Tree<()> = Tree::new();
    let refused = Poll::Ready(Err(Thrown::Refused(Refusal::Ended, None)));
    let drops = Rc::new(Cell::new(0));
    for polls in 0..2 {
        let capture = Drops(drops.clone());
        let mut future = TREE
            .enter(|main| {
                let future = Stackful::new(main, &STACKS, move |waits: &Await| {
                    let _capture = capture;
                    waits.wait(after(1))
                });
                let mut future = Box::pin(future.unwrap());
                for _ in 0..polls {
                    assert_eq!(poll(future.as_mut()), Poll::Pending);
                }
                future
            })
            .unwrap();
        // A body that had begun was ended with its tree.
        let expected = if polls == 0 { refused } else { Poll::Ready(Err(Thrown::Exit(()))) };
        OTHER.enter(|_main| assert_eq!(poll(future.as_mut()), expected)).unwrap();
        assert_eq!(drops.get(), polls + 1);
    }
    assert_eq!(STACKS.free(), 1);
}

#[test]
fn a_poll_with_no_tree_entered_is_refused() {
    tree!(TREE, STACKS, 1);
    let future = TREE.enter(|main| Stackful::new(main, &STACKS, |_waits: &Await| Ok(())).unwrap()).unwrap();
    assert_eq!(poll(pin!(future)), Poll::Ready(Err(Thrown::Refused(Refusal::Ended, None))));
    assert!(Refusal::Ended.to_string().contains("inside `Tree::enter`"));
}

#[test]
fn whichever_greenlet_polls_gets_control_back() {
    tree!(TREE, STACKS, 3);
    TREE.enter(|main| {
        let future = Stackful::new(main, &STACKS, |waits: &Await| {
            waits.wait(after(3))?;
            Ok(5)
        });
        let future: Rc<RefCell<Boxed<u32>>> = Rc::new(RefCell::new(Box::pin(future.unwrap())));
        let pollers = [0, 1].map(|_| {
            let future = future.clone();
            let body = move |me: &greenlet::Me<(), &'static str>, ()| {
                assert_eq!(poll(future.borrow_mut().as_mut()), Poll::Pending);
                me.up(())?;
                Ok(())
            };
            main.spawn(&STACKS, body).unwrap()
        });
        assert_eq!(poll(future.borrow_mut().as_mut()), Poll::Pending);
        for poller in &pollers {
            poller.switch(()).unwrap();
            assert!(!poller.is_dead());
        }
        drop(pollers); // the last one is the parent of the body
        assert_eq!(poll(future.borrow_mut().as_mut()), Poll::Ready(Ok(5)));
        assert_eq!(STACKS.free(), 3);
    })
    .unwrap();
}

/// Polls a future of this body once, then calls `then` with it and with the greenlet of the body. It is ready after that.
fn suspended<T: 'static>(
    waker: &Waker,
    body: impl FnOnce(&Await) -> Result<T, Error> + 'static,
    then: impl FnOnce(Pin<&mut dyn Future<Output = Result<T, Error>>>, Greenlet<(), &'static str>),
) {
    tree!(TREE, STACKS, 1);
    TREE.enter(|main| {
        let handle = Rc::new(RefCell::new(None));
        let place = handle.clone();
        let future = Stackful::new(main, &STACKS, move |waits: &Await| {
            *place.borrow_mut() = Some(waits.greenlet().clone());
            body(waits)
        });
        let mut future = Box::pin(future.unwrap());
        assert!(future.as_mut().poll(&mut Context::from_waker(waker)).is_pending());
        then(future.as_mut(), handle.take().unwrap());
        assert_eq!(STACKS.free(), 1);
    })
    .unwrap();
}

#[test]
fn killed_from_elsewhere_it_wakes_its_executor_and_is_ready() {
    let woken = Arc::new(Woken::default());
    let body = |waits: &Await| {
        let killed = waits.wait(after(9));
        assert_eq!(waits.wait(after(0)), Err(Thrown::Exit(()))); // it holds
        killed
    };
    suspended(&Waker::from(woken.clone()), body, |future, greenlet| {
        let before = woken.0.load(SeqCst);
        greenlet.cancel().unwrap();
        assert_eq!(woken.0.load(SeqCst), before + 1);
        assert_eq!(poll(future), Poll::Ready(Err(Thrown::Exit(()))));
    });
}

#[test]
fn an_error_thrown_into_it_ends_one_wait() {
    let body = |waits: &Await| {
        let thrown = waits.wait(after(9));
        waits.wait(after(0))?;
        Ok(thrown)
    };
    suspended(Waker::noop(), body, |future, greenlet| {
        greenlet.throw("reload").unwrap();
        assert_eq!(poll(future), Poll::Ready(Ok(Err(Thrown::Error("reload")))));
    });
}

#[test]
fn a_panic_of_the_body_comes_out_of_the_poll() {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    tree!(TREE, STACKS, 1);
    TREE.enter(|main| {
        let future = Stackful::new(main, &STACKS, |waits: &Await| {
            waits.wait(after(1))?;
            if true {
                panic!("in the body")
            }
            Ok(())
        });
        let mut future = Box::pin(future.unwrap());
        assert!(poll(future.as_mut()).is_pending());
        let panic = catch_unwind(AssertUnwindSafe(|| poll(future.as_mut()))).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"in the body"));
        let again = catch_unwind(AssertUnwindSafe(|| poll(future.as_mut()))).unwrap_err();
        assert!(again.downcast_ref::<&str>().unwrap().contains("await each future once"));
        drop(future);
        assert_eq!(STACKS.free(), 1);
    })
    .unwrap();
}

#[test]
fn they_nest_and_a_future_may_wait_inside_its_poll() {
    tree!(TREE, STACKS, 2);
    TREE.enter(|main| {
        let future = Stackful::new(main, &STACKS, |waits: &Await| {
            let inner = Stackful::new(waits.greenlet(), &STACKS, |waits: &Await| {
                waits.wait(after(2))?;
                Ok(1)
            });
            let one = waits.wait(inner.unwrap())??;
            // Ordinary code that waits, called by a future that the same greenlet polls.
            waits.wait(async { waits.wait(after(2)).map(|()| one + 1) })?
        });
        let mut future = Box::pin(future.unwrap());
        let mut polls = 0;
        let result = loop {
            polls += 1;
            if let Poll::Ready(result) = poll(future.as_mut()) {
                break result;
            }
        };
        assert_eq!((result, polls, STACKS.free()), (Ok(2), 5, 2));
    })
    .unwrap();
}

#[test]
fn a_greenlet_below_it_cannot_poll_it() {
    tree!(TREE, STACKS, 2);
    TREE.enter(|main| {
        let handle = Rc::new(RefCell::new(None));
        let place = handle.clone();
        let future = Stackful::new(main, &STACKS, move |waits: &Await| {
            *place.borrow_mut() = Some(waits.greenlet().clone());
            waits.wait(after(9))
        });
        let mut future: Boxed<()> = Box::pin(future.unwrap());
        assert!(poll(future.as_mut()).is_pending());
        let above = handle.take().unwrap();
        let below = above.spawn(&STACKS, move |me: &greenlet::Me<(), &'static str>, ()| {
            let refused = poll(future.as_mut());
            assert_eq!(refused, Poll::Ready(Err(Thrown::Refused(Refusal::Cycle, None))));
            drop(future); // cannot cancel the greenlet that waits for this one
            let _ = me.parent().switch(()); // its wait ends: the future does not exist any more
            Ok(())
        });
        let below = below.unwrap();
        below.switch(()).unwrap();
        assert!(above.is_dead());
    })
    .unwrap();
}
