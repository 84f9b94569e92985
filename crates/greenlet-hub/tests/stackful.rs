//! Greenlets as futures: in which states they are dropped, and which poll is refused. Without the feature `std`, also
//! under Miri.

use greenlet::{Greenlet, Refusal, StackPool, Thrown, Tree};
use greenlet_hub::{Await, Stackful};
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

type Error = Thrown<(), &'static str>;
type Boxed<T> = Pin<Box<dyn Future<Output = Result<T, Error>>>>;

/// Counts wakes.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Is ready at the poll after `n` others, and wakes itself meanwhile.
fn after(mut n: u32) -> impl Future<Output = ()> {
    poll_fn(move |context| {
        if n == 0 {
            return Poll::Ready(());
        }
        n -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    })
}

/// Counts its drops.
struct Drops(Rc<Cell<u32>>);

impl Drop for Drops {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

/// Without `std` there is one core, so one tree at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Declares a tree, and `N` stacks.
macro_rules! tree {
    ($tree:ident, $stacks:ident, $n:literal) => {
        let _alone = alone();
        static $tree: Tree<()> = Tree::new();
        static $stacks: StackPool<$n, 65536> = StackPool::new();
    };
}

/// Drops of what the body captured, of its local variable, and of the future that it waits for.
fn dropped_after(polls: u32) -> [u32; 3] {
    tree!(TREE, STACKS, 1);
    let counts: [Rc<Cell<u32>>; 3] = Default::default();
    let [captured, local, awaited] = counts.clone();
    TREE.enter(move |main| {
        let capture = Drops(captured);
        let future = Stackful::new(main, &STACKS, move |waits: &Await| {
            let _capture = capture;
            let _local = Drops(local);
            for _ in 0..2 {
                let (awaited, mut steps) = (Drops(awaited.clone()), pin!(after(2)));
                waits.wait(poll_fn(move |context| {
                    let _ = &awaited;
                    steps.as_mut().poll(context)
                }))?;
            }
            Ok(7)
        });
        let mut future = Box::pin(future.unwrap());
        for n in 1..=polls {
            let expected = if n == 5 { Poll::Ready(Ok(7)) } else { Poll::Pending };
            assert_eq!(poll(future.as_mut()), expected, "poll {n}");
        }
        assert_eq!(STACKS.free(), usize::from(polls == 5));
        drop(future);
        assert_eq!(STACKS.free(), 1);
    })
    .unwrap();
    counts.map(|count| count.get())
}

#[test]
fn dropped_at_each_state_it_drops_each_thing_once() {
    assert_eq!(dropped_after(0), [1, 0, 0]); // not begun
    assert_eq!(dropped_after(1), [1, 1, 1]); // the first future, and the body, half-way
    assert_eq!(dropped_after(2), [1, 1, 1]);
    assert_eq!(dropped_after(3), [1, 1, 2]); // the second one
    assert_eq!(dropped_after(4), [1, 1, 2]);
    assert_eq!(dropped_after(5), [1, 1, 2]); // over
}

#[test]
fn an_exit_that_a_body_swallows_comes_again_at_each_wait() {
    tree!(TREE, STACKS, 1);
    let ends = Rc::new(Cell::new(0));
    let counted = ends.clone();
    TREE.enter(|main| {
        let future = Stackful::new(main, &STACKS, move |waits: &Await| {
            for _ in 0..3 {
                assert_eq!(waits.wait(after(1)), Err(Thrown::Exit(())));
                counted.set(counted.get() + 1);
            }
            Ok(())
        });
        let mut future = Box::pin(future.unwrap());
        assert_eq!(poll(future.as_mut()), Poll::Pending);
        drop(future);
        assert_eq!(STACKS.free(), 1);
    })
    .unwrap();
    assert_eq!(ends.get(), 3);
}

#[test]
fn a_body_that_does_not_end_is_leaked_and_its_waits_end() {
    static LEAKS: AtomicUsize = AtomicUsize::new(0);
    let _alone = alone();
    static TREE: Tree<()> = Tree::new().on_leak(|_| {
        LEAKS.fetch_add(1, SeqCst);
    });
    static STACKS: StackPool<1, 65536> = StackPool::new();
    let ends = Rc::new(Cell::new(0));
    let counted = ends.clone();
    TREE.enter(|main| {
        let handle = Rc::new(RefCell::new(None));
        let place = handle.clone();
        let future = Stackful::new(main, &STACKS, move |waits: &Await| -> Result<(), Error> {
            *place.borrow_mut() = Some(waits.greenlet().downgrade());
            loop {
                let _ = waits.wait(after(1));
                counted.set(counted.get() + 1);
                // By an operation of the kernel, which knows nothing of the exit that was swallowed.
                let main = waits.greenlet().parent().unwrap();
                let _ = main.switch(());
            }
        });
        let mut future = Box::pin(future.unwrap());
        assert_eq!(poll(future.as_mut()), Poll::Pending);
        drop(future);
        let asked = ends.get();
        assert!(asked >= 1);
        assert_eq!((LEAKS.load(SeqCst), STACKS.free()), (1, 0));
        // It exists, and finds that its future does not.
        let leaked: Greenlet<(), _> = handle.borrow().as_ref().unwrap().upgrade().unwrap();
        leaked.switch(()).unwrap();
        assert_eq!(ends.get(), asked + 1);
    })
    .unwrap();
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

#[test]
fn killed_from_elsewhere_it_wakes_its_executor_and_is_ready() {
    tree!(TREE, STACKS, 1);
    TREE.enter(|main| {
        let handle = Rc::new(RefCell::new(None));
        let place = handle.clone();
        let future = Stackful::new(main, &STACKS, move |waits: &Await| {
            *place.borrow_mut() = Some(waits.greenlet().clone());
            let killed = waits.wait(after(9));
            assert_eq!(waits.wait(after(0)), Err(Thrown::Exit(()))); // it holds
            killed
        });
        let mut future = Box::pin(future.unwrap());
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let before = woken.0.load(SeqCst);
        handle.take().unwrap().cancel().unwrap();
        assert_eq!(woken.0.load(SeqCst), before + 1);
        assert_eq!(poll(future.as_mut()), Poll::Ready(Err(Thrown::Exit(()))));
        assert_eq!(STACKS.free(), 1);
    })
    .unwrap();
}

#[test]
fn a_drop_ends_the_body_while_other_handles_exist() {
    tree!(TREE, STACKS, 1);
    TREE.enter(|main| {
        let handle = Rc::new(RefCell::new(None));
        let place = handle.clone();
        let future = Stackful::new(main, &STACKS, move |waits: &Await| {
            *place.borrow_mut() = Some(waits.greenlet().clone());
            waits.wait(after(9))
        });
        let mut future = Box::pin(future.unwrap());
        assert!(poll(future.as_mut()).is_pending());
        drop(future);
        assert!(handle.borrow().as_ref().unwrap().is_dead());
    })
    .unwrap();
}

#[test]
fn an_exit_that_an_operation_of_the_kernel_got_is_seen_by_the_next_wait() {
    tree!(TREE, STACKS, 1);
    TREE.enter(|main| {
        let future = Stackful::new(main, &STACKS, |waits: &Await| {
            let thrown = waits.greenlet().parent().unwrap().switch(());
            assert_eq!(thrown, Err(Thrown::Exit(())));
            waits.wait(poll_fn(|_| -> Poll<()> { panic!("polled, although the future is being dropped") }))
        });
        let mut future = Box::pin(future.unwrap());
        assert!(poll(future.as_mut()).is_pending());
        drop(future);
        assert_eq!(STACKS.free(), 1);
    })
    .unwrap();
}

#[test]
fn an_error_thrown_into_it_ends_one_wait() {
    tree!(TREE, STACKS, 1);
    TREE.enter(|main| {
        let handle = Rc::new(RefCell::new(None));
        let place = handle.clone();
        let future = Stackful::new(main, &STACKS, move |waits: &Await| {
            *place.borrow_mut() = Some(waits.greenlet().clone());
            let thrown = waits.wait(after(9));
            waits.wait(after(0))?;
            Ok(thrown)
        });
        let mut future = Box::pin(future.unwrap());
        assert!(poll(future.as_mut()).is_pending());
        handle.take().unwrap().throw("reload").unwrap();
        assert_eq!(poll(future.as_mut()), Poll::Ready(Ok(Err(Thrown::Error("reload")))));
    })
    .unwrap();
}

#[cfg(feature = "std")]
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

#[test]
fn one_that_is_forgotten_is_ended_by_its_tree() {
    tree!(TREE, STACKS, 1);
    let drops = Rc::new(Cell::new(0));
    let capture = Drops(drops.clone());
    TREE.enter(|main| {
        let future = Stackful::new(main, &STACKS, move |waits: &Await| {
            let _capture = capture;
            waits.wait(after(9))
        });
        let future = Box::leak(Box::new(future.unwrap()));
        // SAFETY: leaked, so it never moves.
        assert!(poll(unsafe { Pin::new_unchecked(future) }).is_pending());
    })
    .unwrap();
    assert_eq!(drops.get(), 1);
}

#[test]
#[cfg_attr(miri, ignore = "no processes")]
fn a_body_that_can_neither_begin_nor_end_ends_the_program() {
    tree!(TREE, STACKS, 1);
    const CHILD: &str = "GREENLET_HUB_TEST_CHILD";
    if std::env::var_os(CHILD).is_none() {
        let name = "a_body_that_can_neither_begin_nor_end_ends_the_program";
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        let output =
            child.args([name, "--exact", "--nocapture"]).env(CHILD, "1").env("RUST_BACKTRACE", "0").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains("do not switch in a tracer"), "{said}");
        return;
    }
    TREE.enter(|main| {
        let future = Stackful::new(main, &STACKS, |_waits: &Await| Ok(()));
        let mut future = Box::pin(future.unwrap());
        // Called on the stack of the new greenlet, before its body: the pointer to the future is not used yet.
        main.set_trace(Some(&|_event, origin: &Greenlet<(), &'static str>, _target: &Greenlet<(), _>| {
            origin.set_trace(None);
            loop {
                let _ = origin.switch(());
            }
        }));
        assert!(poll(future.as_mut()).is_pending());
        drop(future);
    })
    .unwrap();
}

#[cfg(feature = "std")]
mod common;

#[cfg(feature = "std")]
mod with_a_hub {
    use super::common::MS;
    use super::{Error, after};
    use greenlet_hub::{Await, Signal, Stackful, Stop};
    use std::cell::Cell;
    use std::future::poll_fn;
    use std::rc::Rc;
    use std::task::Poll;
    use std::thread;

    #[test]
    fn a_body_waits_deep_down_while_tasks_of_a_hub_run() {
        crate::hub!(HUB, STACKS);
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
        crate::hub!(HUB, STACKS);
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
        crate::hub!(HUB, STACKS);
        HUB.run(|main| {
            let future =
                Stackful::new(main.greenlet(), &STACKS, |waits: &Await| waits.wait(std::future::pending::<()>()));
            assert_eq!(main.with_timeout(MS, || main.wait(future.unwrap())), Ok(None));
            assert_eq!(STACKS.free(), 8);
        })
        .unwrap();
    }
}
