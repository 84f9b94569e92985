//! Greenlets as futures: in which states they are dropped, and how their bodies end then. Without the feature `std`,
//! also under Miri.

#[path = "common/futures.rs"]
mod futures;

use futures::{Drops, Error, after, alone, poll};
use greenlet::{Greenlet, StackPool, Thrown, Tree};
use greenlet_hub::{Await, Stackful};
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::Poll;

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
