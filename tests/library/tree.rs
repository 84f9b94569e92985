//! A tree from `enter` to its end, again and again.

use crate::common::{Handle, Log, STACKS, alone, left_over, stacks, stubborn, tree, waiting, waiting_with};
use greenlet::{EnterError, Tree};
use std::panic::{AssertUnwindSafe, catch_unwind};

#[test]
fn enter_returns_what_its_closure_returns_as_often_as_one_likes() {
    static TREE: Tree<u32> = Tree::new();
    let _alone = alone();
    let mut ids = vec![];
    for n in 0..3 {
        let result = TREE.enter(|main| {
            ids.push(main.id());
            assert!(main.is_main() && main.is_current() && main.is_active() && main.is_started());
            assert_eq!((main.parent(), main.name()), (None, None));
            (n, main.switch(n))
        });
        assert_eq!(result.unwrap(), (n, Ok(n)));
    }
    assert!(ids.is_sorted_by(|a, b| a < b), "every run has a main of its own: {ids:?}");
}

#[test]
fn a_second_enter_is_refused_while_a_tree_is_entered_and_gives_its_closure_back() {
    static TREE: Tree<u32> = Tree::new();
    static OTHER: Tree<u32> = Tree::new();
    let _alone = alone();
    let mut calls = 0;
    let mut refused = None;
    TREE.enter(|main| {
        let same = TREE.enter(|_main| ()).unwrap_err();
        let from_a_body = main.spawn(&STACKS, |_me, x| {
            assert_eq!(OTHER.enter(|_main| ()).unwrap_err().reason, EnterError::CoreBusy);
            Ok(x + 1)
        });
        assert_eq!(from_a_body.unwrap().switch(1), Ok(2), "and nothing is disturbed by it");
        assert_eq!(same.reason, EnterError::CoreBusy);
        refused = OTHER.enter(|_main| calls += 1).err();
        assert!(main.is_current());
    })
    .unwrap();
    let refused = refused.unwrap();
    assert_eq!(refused.reason, EnterError::CoreBusy);
    OTHER.enter(refused.returned).unwrap();
    assert_eq!(calls, 1, "called when it was let in, and not before");
}

#[cfg(not(feature = "std"))]
#[test]
fn another_thread_is_refused_because_there_is_one_core() {
    static TREE: Tree<u32> = Tree::new();
    static OTHER: Tree<u32> = Tree::new();
    let _alone = alone();
    let try_both = || {
        let reason = |tree: &'static Tree<u32>| tree.enter(|_main| ()).map_err(|refused| refused.reason);
        (reason(&TREE), reason(&OTHER))
    };
    let elsewhere = || std::thread::scope(|scope| scope.spawn(try_both).join().unwrap());
    let busy = Err(EnterError::CoreBusy);
    TREE.enter(|_main| assert_eq!(elsewhere(), (busy, busy))).unwrap();
    // What `unwrap` prints in such a thread.
    let refused = TREE.enter(|_main| {
        std::thread::scope(|scope| scope.spawn(|| format!("{:?}", TREE.enter(|_main| ()).unwrap_err())).join().unwrap())
    });
    let refused = refused.unwrap();
    assert!(refused.contains("for tests in parallel threads use the feature `std`"), "{refused}");
    assert_eq!(elsewhere(), (Ok(()), Ok(())));
}

#[cfg(feature = "std")]
#[test]
fn another_thread_is_a_core_with_a_tree_of_its_own() {
    static TREE: Tree<u32> = Tree::new();
    static OTHER: Tree<u32> = Tree::new();
    let _alone = alone();
    TREE.enter(|main| {
        let g = waiting(main);
        std::thread::scope(|scope| {
            let elsewhere = scope.spawn(|| {
                assert!(TREE.enter(|_main| ()).is_err(), "entered by the other core");
                OTHER.enter(|main| (main.id(), waiting(main).switch(1), main.is_current())).unwrap()
            });
            let (id, switched, current) = elsewhere.join().unwrap();
            assert_ne!(id, main.id());
            assert_eq!((switched, current), (Ok(1), true));
        });
        assert_eq!((g.switch(2), main.is_current()), (Ok(2), true));
    })
    .unwrap();
    std::thread::spawn(|| TREE.enter(|main| waiting(main).switch(3)).unwrap()).join().unwrap().unwrap();
}

#[cfg(feature = "std")]
#[test]
fn no_two_threads_give_a_greenlet_the_same_number() {
    const NUMBERS: u64 = 1 << 20; // what a thread takes at a time
    static TREE: Tree<u32> = Tree::new();
    static OTHER: Tree<u32> = Tree::new();
    let (pool, _alone) = (stacks!(1, 1024), alone()); // small, for with `high-water` each is painted a million times
    TREE.enter(|main| {
        let others = std::thread::spawn(|| OTHER.enter(|main| main.id()).unwrap()).join().unwrap();
        for _ in 0..=NUMBERS {
            let number = main.bare(pool).unwrap().id();
            assert!(!(others..others + NUMBERS).contains(&number), "{number} is the other thread's to give");
        }
    })
    .unwrap();
}

#[test]
fn enter_is_refused_while_a_handle_to_the_last_main_exists() {
    static TREE: Tree<u32> = Tree::new();
    let _alone = alone();
    let (first, weak) = TREE.enter(|main| (main.handle(), main.downgrade())).unwrap();
    let second = first.clone();
    for kept in [first, second] {
        let refused = TREE.enter(|_main| ()).unwrap_err();
        assert_eq!(refused.reason, EnterError::StillReferred);
        assert!(kept.is_main());
    }
    TREE.enter(|_main| assert!(weak.upgrade().is_none())).unwrap(); // weak handles do not count
    TREE.enter(|_main| ()).unwrap();
}

#[test]
fn a_child_that_is_kept_does_not_keep_main() {
    static TREE: Tree<u32> = Tree::new();
    let _alone = alone();
    let _kept = TREE.enter(|main| [waiting(main), main.bare(&STACKS).unwrap()]).unwrap();
    TREE.enter(|_main| ()).unwrap();
}

#[test]
fn when_main_panics_the_tree_ends_and_may_be_entered_again() {
    static TREE: Tree<u32> = Tree::new();
    let log = Log::default();
    let _alone = alone();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        TREE.enter(|main| {
            left_over(main, "left", waiting_with(log.dropping("local"))).switch(0).unwrap();
            std::panic::resume_unwind(Box::new("main"));
        })
    }));
    assert_eq!(panicked.unwrap_err().downcast_ref(), Some(&"main"));
    assert_eq!(log.take(), "-local");
    TREE.enter(|main| assert_eq!(waiting(main).switch(4), Ok(4))).unwrap();
}

#[test]
fn a_greenlet_that_refuses_to_end_does_not_keep_the_tree_from_being_entered_again() {
    static TREE: Tree<u32> = Tree::new();
    let _alone = alone();
    let pool = stacks!(3);
    for _ in 0..3 {
        TREE.enter(|main| main.spawn(pool, stubborn).unwrap().switch(0).unwrap()).unwrap();
    }
    TREE.enter(|main| assert!(main.bare(pool).is_err(), "each kept its stack")).unwrap();
}

/// Without `std` the program ends there: see `bombs`.
#[cfg(feature = "std")]
#[test]
fn a_hook_that_panics_at_the_end_gives_the_core_back() {
    static TREE: Tree<u32> = Tree::new().on_leak(|_| std::panic::resume_unwind(Box::new("on purpose")));
    let _alone = alone();
    let ended = catch_unwind(|| {
        let mut kept = vec![]; // handles that outlive the tree, so that nothing is lost before the end
        TREE.enter(|main| {
            for _ in 0..2 {
                let g = main.spawn(stacks!(2), stubborn).unwrap();
                g.switch(0).unwrap();
                kept.push(g);
            }
        })
        .unwrap();
    });
    assert!(ended.is_err());
    TREE.enter(|_main| ()).unwrap();
}

#[test]
fn a_tree_that_is_ending_is_still_entered() {
    static TREE: Tree<u32> = Tree::new();
    let _alone = alone();
    let mut kept: Option<Handle> = None;
    TREE.enter(|main| {
        let g = main.spawn(&STACKS, |me, x| {
            let asked = me.up(x);
            assert_eq!(TREE.enter(|_main| ()).unwrap_err().reason, EnterError::CoreBusy);
            assert_eq!(me.spawn(&STACKS, |_me, x| Ok(x * 2)).unwrap().switch(4), Ok(8), "and works");
            asked
        });
        g.as_ref().unwrap().switch(0).unwrap();
        kept = g.ok();
    })
    .unwrap();
    assert!(kept.unwrap().is_ended());
}

#[test]
fn a_hundred_runs_leave_nothing_behind() {
    for n in 0..if cfg!(miri) { 3 } else { 100 } {
        tree(|main| {
            let all: Vec<_> = (0..STACKS.count() as u32).map(|_| waiting(main)).collect();
            assert_eq!(all[5].switch(n), Ok(n));
            assert!(main.bare(&STACKS).is_err());
        });
    }
}
