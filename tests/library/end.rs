//! What the end of a tree does to the greenlets that are left.

use crate::common::{
    Alone, EXIT, Handle, Log, Me, Out, STACKS, alone, exit_shown, heard, holding, left_over, left_over_on, stacks,
    stubborn, tree, waiting, waiting_with,
};
use greenlet::{Event, StackPool, Thrown, Tree};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

/// A body that says its name when it is asked to exit for the `last` time of all, and ends then.
fn ends(log: &Log, last: u32) -> impl FnOnce(&Me, u32) -> Out + use<> {
    let log = log.clone();
    move |me, x| {
        for _ in 1..last {
            let _refused = me.up(x);
        }
        let asked = me.up(x);
        log.say(me.name().unwrap());
        asked
    }
}

#[test]
fn greenlets_that_are_left_get_their_exits_in_the_order_of_creation() {
    let log = Log::default();
    tree(|main| {
        left_over(main, "a", ends(&log, 1)).switch(0).unwrap();
        let captured = log.dropping("unstarted");
        left_over(main, "b", holding(captured));
        let (bare, dead) = (main.bare(&STACKS).unwrap(), crate::common::dead(main));
        left_over(main, "c", ends(&log, 1)).switch(0).unwrap();
        left_over(main, "keeper", waiting_with((bare, dead))).switch(0).unwrap();
        log.say("over");
    });
    assert_eq!(log.take(), "over a -unstarted c");
}

#[test]
fn main_stands_in_for_every_parent_and_throws_away_what_comes_back() {
    let log = Log::default();
    tree(|main| {
        let parent = left_over(main, "parent", |me, x| me.up(x));
        parent.switch(0).unwrap();
        let (said, to_main) = (log.clone(), main.handle());
        let child = left_over(&parent, "child", move |me, x| {
            let asked = to_main.switch(x);
            said.say(format!("{asked:?} under {:?}", me.parent()));
            Ok(77)
        });
        child.switch(0).unwrap();
    });
    assert_eq!(log.take(), format!("{} under main greenlet (suspended)", exit_shown()));
}

#[test]
fn an_error_that_comes_back_goes_to_the_hook() {
    static TREE: Tree<u32> = Tree::new().on_unraisable(crate::common::unraisable);
    let _alone = alone();
    TREE.enter(|main| {
        left_over(main, "failing", |me, x| me.up(x).or(Err("no".into()))).switch(0).unwrap();
        left_over(main, "ending", |me, x| me.up(x).or(Ok(1))).switch(0).unwrap();
    })
    .unwrap();
    assert_eq!(heard(), ["unraisable failing Error(\"no\")"]);
}

#[test]
fn all_are_killed_again_until_a_round_ends_none() {
    let log = Log::default();
    tree(|main| {
        // There is a further round because one of them ends in each.
        left_over(main, "third", ends(&log, 3)).switch(0).unwrap();
        left_over(main, "first", ends(&log, 1)).switch(0).unwrap();
        left_over(main, "second", ends(&log, 2)).switch(0).unwrap();
    });
    assert_eq!(log.take(), "first second third");
}

#[test]
fn a_round_that_ends_one_that_was_not_killed_is_followed_by_another() {
    let log = Log::default();
    tree(|main| {
        let (said, woken) = (log.clone(), log.clone());
        let second = Rc::new(Cell::new(None::<Handle>));
        let wake = second.clone();
        let first = move |me: &Me, x| {
            let _asked = me.up(x);
            // The second one ends, in main, which takes that for the answer to its exit; so the first one is still
            // there.
            let asked = wake.take().unwrap().switch(5);
            said.say(format!("{asked:?}"));
            asked
        };
        left_over(main, "first", first).switch(0).unwrap();
        let g = main.spawn(&STACKS, move |me, x| {
            let value = me.up(x)?;
            woken.say(format!("woken by {value}"));
            Ok(value)
        });
        g.as_ref().unwrap().switch(0).unwrap();
        second.set(g.ok());
    });
    assert_eq!(log.take(), format!("woken by 5 {}", exit_shown()));
}

#[test]
fn a_round_that_ends_a_greenlet_without_a_body_is_followed_by_another() {
    let kept = Rc::new(Cell::new(None));
    tree(|main| {
        // No other greenlet ends in the first round, and there is a second.
        let (bare, seen) = (main.bare(&STACKS).unwrap(), kept.clone());
        let refuses_once = move |me: &Me, x| {
            let _refused = me.up(x);
            let asked = me.up(x);
            seen.set(Some(bare.is_dead()));
            asked
        };
        left_over(main, "refuses once", refuses_once).switch(0).unwrap();
    });
    assert_eq!(kept.take(), Some(true));
}

#[test]
fn none_is_killed_twice_in_a_round_or_after_a_round_that_ends_none() {
    static TREE: Tree<u32> = Tree::new().on_leak(crate::common::leak);
    let _alone = alone();
    let asked = Rc::new(Cell::new(0));
    let kept = TREE.enter(|main| {
        let count = asked.clone();
        let g = main.build(stacks!(1)).name("refuses").spawn(move |me, x| {
            loop {
                if me.up(x).is_err() {
                    count.set(count.get() + 1);
                }
            }
        });
        g.as_ref().unwrap().switch(0).unwrap();
        g
    });
    assert_eq!(asked.get(), 1);
    assert_eq!(heard(), ["leak refuses"]);
    drop(kept);
}

#[test]
fn after_thirty_two_rounds_what_is_left_stays() {
    static TREE: Tree<u32> = Tree::new().on_leak(crate::common::leak);
    static ROUNDS: AtomicU32 = AtomicU32::new(0);
    static POOL: StackPool<2, { crate::common::SIZE }> = StackPool::new();
    let _alone = alone();

    /// Ends when it is asked, and leaves a successor that does the same.
    fn lasting(me: &Me, x: u32) -> Out {
        let asked = me.up(x);
        ROUNDS.fetch_add(1, Relaxed);
        let next = left_over_on(&POOL, me, "successor", lasting);
        next.switch(0)?;
        next.set_parent(&me.parent()).unwrap();
        asked
    }

    TREE.enter(|main| left_over_on(&POOL, main, "first", lasting).switch(0).unwrap()).unwrap();
    assert_eq!(ROUNDS.load(Relaxed), 32, "one that was made in a round waits for the next");
    assert_eq!(heard(), ["leak successor"]);
}

#[test]
fn one_that_refuses_is_reported_and_keeps_its_stack_for_ever() {
    static TREE: Tree<u32> = Tree::new().on_leak(crate::common::leak);
    let _alone = alone();
    let pool = stacks!(2);
    let kept = TREE.enter(|main| {
        let [lost, kept] = ["lost", "kept"].map(|name| main.build(pool).name(name).spawn(stubborn).unwrap());
        lost.switch(0).unwrap();
        kept.switch(0).unwrap();
        drop(lost);
        assert_eq!(heard(), ["leak lost"]);
        kept
    });
    assert_eq!(heard(), ["leak kept"], "of each one once");
    drop(kept.unwrap());
    TREE.enter(|main| assert!(main.bare(pool).is_err())).unwrap();
}

#[test]
fn one_that_ends_inside_the_hook_gives_its_stack_back() {
    static POOL: StackPool<1, { crate::common::SIZE }> = StackPool::new();
    static TREE: Tree<u32> = Tree::new().on_leak(|g| {
        assert_eq!(g.switch(9), Ok(9), "its body returns");
        assert_eq!((g.is_dead(), POOL.free()), (true, 0));
    });
    let _alone = alone();
    let kept = TREE.enter(|main| {
        let g = main.spawn(&POOL, stubborn).unwrap();
        g.switch(0).unwrap();
        g
    });
    drop(kept);
    assert_eq!(POOL.free(), 1);
}

#[test]
fn what_is_spawned_at_the_end_is_ended_too() {
    let log = Log::default();
    tree(|main| {
        let said = log.clone();
        let first = move |me: &Me, x| {
            let asked = me.up(x);
            left_over(me, "late", ends(&said, 1)).switch(0)?;
            let captured = said.dropping("never started");
            left_over(me, "later", holding(captured));
            said.say("first");
            asked
        };
        left_over(main, "first", first).switch(0).unwrap();
    });
    assert_eq!(log.take(), "first late -never started");
}

/// Leaves a started child of main, to which a forgotten handle refers.
fn forgotten(of_tree: &Handle, name: &'static str, body: impl FnOnce(&Me, u32) -> Out + 'static) {
    // Of their own: some keep their stacks.
    static POOL: StackPool<16, { crate::common::SIZE }> = StackPool::new();
    let main = of_tree.current().expect("the hooks run in main at the end");
    let greenlet = main.build(&POOL).name(name).spawn(body).unwrap();
    greenlet.switch(0).unwrap();
    std::mem::forget(greenlet);
}

/// A body that reports that it is asked to exit, and ends then.
fn reports(me: &Me, x: u32) -> Out {
    let asked = me.up(x);
    crate::common::leak(&me.handle()); // a line of the same kind
    assert!(matches!(asked, Err(Thrown::Exit(_))), "{asked:?}");
    asked
}

#[test]
fn what_the_leak_hook_leaves_is_asked_and_reported_too() {
    static TREE: Tree<u32> = Tree::new().on_leak(|g| {
        crate::common::leak(g);
        match g.name() {
            Some("first") => {
                forgotten(g, "willing", reports);
                forgotten(g, "second", stubborn);
            }
            Some("second") => forgotten(g, "third", stubborn),
            _ => {}
        }
    });
    let _alone = alone();
    TREE.enter(|main| forgotten(main, "first", stubborn)).unwrap();
    assert_eq!(heard(), ["leak first", "leak willing", "leak second", "leak third"]);
}

#[test]
fn a_leak_hook_that_always_leaves_another_is_called_thirty_two_times() {
    static TREE: Tree<u32> = Tree::new().on_leak(|g| {
        crate::common::leak(g);
        let main = g.current().unwrap();
        let greenlet = main.build(stacks!(40)).name("next").spawn(stubborn).unwrap();
        greenlet.switch(0).unwrap();
        std::mem::forget(greenlet);
    });
    let _alone = alone();
    TREE.enter(|main| forgotten(main, "first", stubborn)).unwrap();
    let told = heard();
    assert_eq!((told.len(), &*told[0], &*told[31]), (32, "leak first", "leak next"));
}

#[test]
fn what_the_exit_function_leaves_in_a_round_that_ends_none_is_killed_too() {
    fn exit() -> u32 {
        if let Some(stubborn) = LEAVES.take() {
            forgotten(&stubborn, "willing", reports);
        }
        EXIT
    }
    static LEAVES: Alone<Option<Handle>> = Alone::new(None);
    static TREE: Tree<u32> = Tree::with_exit(exit).on_leak(crate::common::leak);
    let _alone = alone();
    TREE.enter(|main| {
        forgotten(main, "refuses", stubborn);
        main.for_each(|g| LEAVES.set(Some(g.clone())));
    })
    .unwrap();
    assert_eq!(heard(), ["leak willing", "leak refuses"]);
}

#[test]
fn what_a_greenlet_leaves_that_refuses_is_asked_too() {
    static TREE: Tree<u32> = Tree::new().on_leak(crate::common::leak);
    let _alone = alone();
    TREE.enter(|main| {
        forgotten(main, "refuses", |me, x| {
            let _refused = me.up(x);
            let main = me.parent();
            let willing = main.build(stacks!(1)).name("willing").spawn(reports).unwrap();
            willing.set_parent(&me.handle()).unwrap();
            willing.switch(0)?;
            std::mem::forget(willing);
            stubborn(me, x)
        });
    })
    .unwrap();
    assert_eq!(heard(), ["leak willing", "leak refuses"]);
}

/// The tracer is removed by its error, which arrives in place of the exit.
#[test]
fn a_greenlet_whose_exit_a_tracer_replaced_is_asked_again() {
    static TREE: Tree<u32> = Tree::new().on_leak(crate::common::leak);
    let _alone = alone();
    let seen = Rc::new(Cell::new(0));
    TREE.enter(|main| {
        let errors = seen.clone();
        let waits_for_its_exit = move |me: &Me, x| loop {
            match me.up(x) {
                Err(Thrown::Error(_)) => errors.set(errors.get() + 1),
                other => return other,
            }
        };
        forgotten(main, "waits", waits_for_its_exit);
        main.set_trace(Some(&|_: Event, _: &Handle, _: &Handle| Err("traced")));
    })
    .unwrap();
    assert_eq!((seen.get(), heard()), (1, vec![]));
}

/// Once: the next round kills that one again.
#[cfg(all(feature = "std", not(miri)))]
#[test]
fn a_greenlet_for_which_the_exit_function_panicked_is_asked_again() {
    fn exit() -> u32 {
        assert_ne!(CALLS.fetch_add(1, Relaxed), 0, "the first time");
        EXIT
    }
    static CALLS: AtomicU32 = AtomicU32::new(0);
    static TREE: Tree<u32> = Tree::with_exit(exit).on_leak(crate::common::leak);
    let _alone = alone();
    let ended = std::panic::catch_unwind(|| {
        TREE.enter(|main| {
            forgotten(main, "refuses", stubborn);
            forgotten(main, "refuses, too", stubborn);
        })
    });
    let told = ended.unwrap_err();
    assert!(told.downcast::<String>().unwrap().contains("the first time"));
    assert_eq!((CALLS.load(Relaxed), heard()), (4, vec!["leak refuses".into(), "leak refuses, too".into()]));
}

#[test]
fn a_handle_that_outlives_the_tree_keeps_the_stack_and_nothing_else() {
    static TREE: Tree<u32> = Tree::new();
    let _alone = alone();
    let pool = stacks!(4);
    let free = || TREE.enter(|main| crate::common::free_stacks(main, pool)).unwrap();
    let mut kept = TREE
        .enter(|main| {
            let parent = main.spawn(pool, crate::common::echo).unwrap();
            parent.switch(0).unwrap();
            let child = parent.spawn(pool, crate::common::echo).unwrap();
            child.switch(0).unwrap();
            vec![child.bare(pool).unwrap(), child]
        })
        .unwrap();
    // The parent went: its child refers to it no more.
    assert_eq!(free(), 2);
    while kept.pop().is_some() {
        assert_eq!(free(), 4 - kept.len());
    }
}

#[test]
fn a_greenlet_that_waits_in_up_is_released_from_its_parent_at_the_end() {
    static TREE: Tree<u32> = Tree::new().on_leak(crate::common::leak);
    let _alone = alone();
    let pool = stacks!(3);
    TREE.enter(|main| {
        // Refuses in an `up` whose target was changed meanwhile: the end finds it with a pin.
        let (old, new) = (main.spawn(pool, crate::common::echo).unwrap(), waiting(main));
        old.switch(0).unwrap();
        let g = old.build(pool).name("pinned").spawn(stubborn).unwrap();
        g.switch(0).unwrap();
        g.set_parent(&new).unwrap();
        drop(old);
        assert_eq!(crate::common::free_stacks(main, pool), 1, "the pending `up` keeps the old parent");
    })
    .unwrap();
    assert_eq!(heard(), ["leak pinned"]);
    TREE.enter(|main| assert_eq!(crate::common::free_stacks(main, pool), 2)).unwrap();
}

/// The slow path of `up` refers to its target, and nothing on the stack of one that refuses is ever given up.
#[test]
fn one_that_refuses_in_a_slow_up_does_not_keep_the_tree() {
    static TREE: Tree<u32> = Tree::new().on_leak(crate::common::leak);
    let _alone = alone();
    TREE.enter(|main| {
        forgotten(main, "refuses", stubborn);
        main.set_trace(Some(&|_: Event, _: &Handle, _: &Handle| Ok(())));
    })
    .unwrap();
    assert_eq!(heard(), ["leak refuses"]);
    TREE.enter(|main| assert_eq!(main.references(), 1)).unwrap();
}

/// `exit` drops the values of thread-locals while greenlets wait, maybe inside of `LocalKey::with` of one that was
/// dropped already. With musl it drops none.
#[cfg(all(feature = "std", not(any(miri, target_env = "musl"))))]
#[test]
fn while_the_process_exits_no_greenlet_continues() {
    use std::cell::RefCell;

    struct Waker(RefCell<Option<Handle>>);

    impl Drop for Waker {
        fn drop(&mut self) {
            let g = self.0.take().unwrap();
            eprintln!("{:?} {:?} {:?}", g.switch(2), g.kill(), g.cancel());
            drop(g);
            eprintln!("the last handle is dropped");
        }
    }

    thread_local! {
        static WAKER: Waker = const { Waker(RefCell::new(None)) };
        static TEXT: String = String::from("dropped first");
    }

    if let Some(output) = crate::common::in_child(module_path!(), "while_the_process_exits_no_greenlet_continues") {
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(7), "{told}");
        let sent = ["Some(Value(2))", "Some(Exit(1000))", "None"].map(|sent| told.contains(&format!("\", {sent}))")));
        assert!(sent == [true; 3] && told.matches("Err(Refused(Exit: ").count() == 3, "{told}");
        assert!(told.contains("the last handle is dropped"), "{told}");
        assert!(!told.contains("continues: "), "{told}");
        return;
    }
    WAKER.with(|_| ()); // before the tree is entered, and so dropped after what is first used inside
    tree(|main| {
        let g = main.spawn(&STACKS, |me, x| {
            TEXT.with(|text| {
                let asked = me.up(x);
                eprintln!("continues: {text}");
                asked
            })
        });
        let g = g.unwrap();
        g.switch(1).unwrap();
        WAKER.with(|waker| waker.0.replace(Some(g)));
        std::process::exit(7)
    });
}
