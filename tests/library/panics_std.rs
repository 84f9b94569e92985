//! With the feature `std`, a panic that leaves a body propagates to the parent, with its payload.
#![cfg(feature = "std")]

use crate::common::{
    Handle, Log, Main, Me, Out, STACKS, alone, dead, left_over, this_program, tree, unstarted, waiting,
};
use greenlet::{Event, SharedStackPool, Thrown, Tree};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Panics without a word on stderr.
fn blow(payload: &'static str) -> ! {
    resume_unwind(Box::new(payload))
}

/// What `act` panics with; else what it returns is shown in the message of this test's failure.
fn caught<R: std::fmt::Debug>(act: impl FnOnce() -> R) -> &'static str {
    let payload = catch_unwind(AssertUnwindSafe(act)).unwrap_err();
    payload.downcast_ref().copied().unwrap()
}

/// A child of `parent` that waits, and panics when it is resumed, by whatever it gets.
fn bomb(parent: &Handle, log: &Log) -> Handle {
    let local = log.dropping("bomb");
    let g = parent.spawn(&STACKS, move |me, x| {
        let _local = local;
        let _answer = me.parent().switch(x);
        blow("boom")
    });
    let g = g.unwrap();
    g.switch(0).unwrap();
    g
}

#[test]
fn the_payload_arrives_in_the_parent_and_the_greenlet_is_dead() {
    tree(|main| {
        let log = Log::default();
        let g = bomb(main, &log);
        assert_eq!(caught(|| g.switch(1)), "boom");
        assert_eq!(log.take(), "-bomb");
        assert!(g.is_dead() && main.is_current());
        assert_eq!(g.switch(2), Ok(2), "the tree continues");
        let words = main.spawn(&STACKS, |_me, x| panic!("with {x}")).unwrap();
        let payload = catch_unwind(AssertUnwindSafe(|| words.switch(5))).unwrap_err();
        assert_eq!(payload.downcast_ref::<String>().unwrap(), "with 5");
    });
}

#[test]
fn it_goes_to_the_parent_of_that_moment_not_to_the_switcher() {
    tree(|main| {
        let g = bomb(main, &Log::default());
        let switcher = main.spawn(&STACKS, move |_me, x| g.switch(x)).unwrap();
        assert_eq!(caught(|| switcher.switch(1)), "boom");
        assert!(!switcher.is_dead());
        assert_eq!(switcher.switch(3), Ok(3));
    });
}

#[test]
fn it_climbs_and_runs_the_destructors_of_each_parent() {
    fn nest(me: &Me, depth: u32, log: &Log) -> Out {
        let (inner, _here) = (log.clone(), log.dropping(depth));
        if depth == 0 {
            blow("deep");
        }
        me.spawn(&STACKS, move |me, depth| nest(me, depth, &inner)).unwrap().switch(depth - 1)
    }
    tree(|main| {
        let (log, outer) = (Log::default(), Log::default());
        let said = log.clone();
        let g = main.spawn(&STACKS, move |me, depth| nest(me, depth, &said)).unwrap();
        assert_eq!(caught(|| g.switch(3)), "deep");
        assert_eq!(log.take(), "-0 -1 -2 -3");
        let said = outer.clone();
        let catcher = main.spawn(&STACKS, move |me, depth| {
            let payload = catch_unwind(AssertUnwindSafe(|| nest(me, depth, &said))).unwrap_err();
            Ok(payload.downcast_ref::<&str>().unwrap().len() as u32)
        });
        assert_eq!(catcher.unwrap().switch(2), Ok(4), "a body may catch it");
        assert_eq!(outer.take(), "-0 -1 -2");
    });
}

#[test]
fn it_goes_past_dead_parents_and_ends_unstarted_ones_unrun() {
    tree(|main| {
        let log = Log::default();
        let unrun = unstarted(main, &log, "unrun");
        let g = dead(&unrun).spawn(&STACKS, |_me, _| blow("boom")).unwrap();
        assert_eq!(caught(|| g.switch(0)), "boom");
        assert_eq!(log.take(), "-unrun");
        assert!(unrun.is_dead());
    });
}

#[test]
fn below_a_parent_without_a_body_it_is_lost_and_no_run_continues() {
    tree(|main| {
        let bare = main.bare(&STACKS).unwrap();
        let g = bare.spawn(&STACKS, |_me, _| blow("lost")).unwrap();
        assert_eq!(g.switch(0), Err(Thrown::NoRun));
    });
}

#[test]
fn out_of_a_lost_greenlet_it_propagates_to_the_dropper_when_all_is_done() {
    tree(|main| {
        let log = Log::default();
        let g = bomb(main, &log);
        let weak = g.downgrade();
        assert_eq!(caught(|| drop(g)), "boom");
        assert_eq!(log.take(), "-bomb");
        assert!(weak.upgrade().is_none(), "freed");
        let parent = bomb(main, &log);
        let child = parent.bare(&STACKS).unwrap();
        drop(parent);
        assert_eq!(caught(|| child.set_parent(main)), "boom", "the old parent's last reference");
        assert_eq!(child.parent(), Some(main.handle()));
    });
}

#[test]
fn out_of_a_cancelled_greenlet_it_propagates_to_the_canceller() {
    tree(|main| {
        let parent = waiting(main);
        let g = bomb(main, &Log::default());
        g.set_parent(&parent).unwrap();
        assert_eq!(caught(|| g.cancel()), "boom");
        assert_eq!(g.parent(), Some(parent), "put back");
    });
}

#[test]
fn a_chain_of_lost_greenlets_that_all_panic_is_freed_to_its_end() {
    tree(|main| {
        let log = Log::default();
        let top = bomb(main, &log);
        let middle = top.spawn(&STACKS, |me, x| me.parent().parent().unwrap().switch(x)).unwrap();
        middle.switch(0).unwrap();
        let last = middle.spawn(&STACKS, |me, x| {
            let _answer = me.parent().parent().unwrap().parent().unwrap().switch(x);
            blow("last")
        });
        let last = last.unwrap();
        last.switch(0).unwrap();
        drop((top, middle));
        // The last one panics, then the one in the middle ends, then the top one panics.
        let payload = caught(|| drop(last));
        assert!(["boom", "last"].contains(&payload));
        assert_eq!(log.take(), "-bomb");
    });
}

#[test]
fn at_the_end_of_the_tree_all_are_ended_and_then_enter_panics() {
    static TREE: Tree<u32> = Tree::new();
    let log = Log::default();
    let _alone = alone();
    let left = |main: &Main, name, blows: bool| {
        let local = log.dropping(name);
        let ends = move |me: &Me, x| {
            let _local = local;
            let asked = me.up(x);
            if blows { blow("at the end") } else { asked }
        };
        left_over(main, name, ends).switch(0).unwrap();
    };
    let entered = catch_unwind(AssertUnwindSafe(|| {
        TREE.enter(|main| {
            left(main, "a", false);
            left(main, "b", true);
            left(main, "c", false);
        })
    }));
    assert_eq!(entered.unwrap_err().downcast_ref(), Some(&"at the end"));
    assert_eq!(log.take(), "-a -b -c");
    TREE.enter(|main| assert_eq!(crate::common::free_stacks(main, &STACKS), STACKS.count())).unwrap();
}

#[test]
fn when_main_panics_what_panics_at_the_end_is_lost() {
    static TREE: Tree<u32> = Tree::new();
    let _alone = alone();
    let entered = catch_unwind(AssertUnwindSafe(|| {
        TREE.enter(|main| {
            left_over(main, "left", |me, x| {
                let _asked = me.up(x);
                blow("at the end")
            })
            .switch(0)
            .unwrap();
            blow("main")
        })
    }));
    let payload: Result<(), _> = entered.map(|_| ());
    assert_eq!(payload.unwrap_err().downcast_ref(), Some(&"main"));
    TREE.enter(|main| assert_eq!(crate::common::free_stacks(main, &STACKS), STACKS.count())).unwrap();
}

#[test]
fn a_tracer_gets_it_as_a_throw() {
    tree(|main| {
        let log = Log::default();
        let g = bomb(main, &Log::default());
        let said = log.clone();
        main.set_trace(Some(Box::leak(Box::new(move |event: Event, _: &Handle, target: &Handle| {
            said.say(format!("{event} {}", target.is_main()));
            Ok(())
        }))));
        assert_eq!(caught(|| g.switch(1)), "boom");
        assert_eq!(log.take(), "switch false throw true");
        main.set_trace(Some(&|_: Event, _: &Handle, target: &Handle| {
            if target.is_main() { Err("instead") } else { Ok(()) }
        }));
        let g = main.spawn(&STACKS, |_me, _| blow("lost")).unwrap();
        assert_eq!(g.switch(1), Err(Thrown::Error("instead")), "whose error takes its place");
    });
}

#[test]
fn a_destructor_that_runs_in_a_panic_may_switch() {
    struct Switches(Handle, Log);
    impl Drop for Switches {
        fn drop(&mut self) {
            self.1.say(format!("{:?}", self.0.switch(5)));
        }
    }
    tree(|main| {
        let log = Log::default();
        let (helper, said) = (main.spawn(&STACKS, crate::common::echo).unwrap(), log.clone());
        let g = main.spawn(&STACKS, move |me, _| {
            helper.set_parent(me).unwrap();
            let _switches = Switches(helper, said);
            blow("boom")
        });
        assert_eq!(caught(|| g.unwrap().switch(0)), "boom");
        assert_eq!(log.take(), "Ok(5)");
    });
}

/// `std` counts panics by thread. Others may panic all the same, and catch that.
#[cfg_attr(miri, ignore = "there each greenlet is a thread")]
#[test]
fn a_switch_in_a_destructor_of_a_panic_leaves_the_thread_panicking() {
    struct Leaves(Handle);
    impl Drop for Leaves {
        fn drop(&mut self) {
            assert_eq!(self.0.switch(1), Ok(2));
        }
    }
    tree(|main| {
        let leaves = Leaves(main.handle());
        let g = main.spawn(&STACKS, move |_, _| {
            let _leaves = leaves;
            blow("boom")
        });
        let g = g.unwrap();
        assert_eq!(g.switch(0), Ok(1), "in the middle of its panic");
        assert!(std::thread::panicking());
        let other = main.spawn(&STACKS, |_, _| blow("crash")).unwrap();
        assert_eq!(caught(|| other.switch(0)), "crash");
        assert_eq!(caught(|| g.switch(2)), "boom");
        assert!(!std::thread::panicking() && g.is_dead());
    });
}

#[test]
fn threads_panic_apart() {
    static TREES: [Tree<u32>; 4] = [const { Tree::new() }; 4];
    static SHARED: SharedStackPool<8, { crate::common::SIZE }> = SharedStackPool::new();
    std::thread::scope(|scope| {
        for (number, tree) in (0..).zip(&TREES) {
            scope.spawn(move || {
                for round in 0..50 {
                    tree.enter(|main| {
                        let g = main.spawn(&SHARED, move |me, x| {
                            let y = me.up(x + number)?;
                            if y == 3 { blow("boom") } else { Ok(y) }
                        });
                        let g = g.unwrap();
                        assert_eq!(g.switch(round), Ok(round + number));
                        assert_eq!(caught(|| g.switch(3)), "boom");
                    })
                    .unwrap();
                }
            });
        }
    });
    assert_eq!(SHARED.free(), 8);
}

/// In a process of its own, because the hook is the program's.
#[test]
fn the_message_of_a_panic_names_the_greenlet() {
    const TEST: &str = "panics_std::the_message_of_a_panic_names_the_greenlet";
    const CHILD: &str = "GREENLET_TEST_NAMES_PANICS";
    if std::env::var_os(CHILD).is_some() {
        greenlet::name_panics();
        assert!(catch_unwind(|| panic!("outside")).is_err());
        tree(|main| {
            let g = main.build(&STACKS).name("clumsy").spawn(|_me, x| panic!("inside with {x}")).unwrap();
            assert!(catch_unwind(AssertUnwindSafe(|| g.switch(7))).is_err());
        });
        return;
    }
    let child = this_program().args(["--exact", TEST, "--nocapture"]).env(CHILD, "1").output().unwrap();
    let said = String::from_utf8(child.stderr).unwrap();
    assert!(child.status.success(), "{said}");
    let (outside, inside) = said.split_once("in greenlet ").expect(&said);
    assert!(outside.contains("outside") && !inside.contains("in greenlet "), "{said}");
    assert!(inside.contains("\"clumsy\":\n") && inside.contains("inside with 7"), "{said}");
}
