//! Behaviours of the Python package that no other test shows, each named after its row in `docs/semantics.md`, which
//! names the tests of the others.

use crate::common::{
    EXIT, Handle, Log, Me, Out, STACKS, alone, dead, in_child, own_tree, stacks, tree, unstarted, waiting,
};
use greenlet::{Event, SpawnError, State, Thrown, Tree};
use std::cell::Cell;
use std::rc::Rc;

#[test]
fn s1_01_creating_a_greenlet_runs_nothing() {
    tree(|main| {
        let log = Log::default();
        let g = unstarted(main, &log, "body");
        assert_eq!((g.state(), g.is_started(), g.is_active(), g.is_dead()), (State::Unstarted, false, false, false));
        assert!(main.is_current() && log.take().is_empty());
    });
}

#[test]
fn s1_03_a_parent_in_any_state_may_be_given_at_creation() {
    tree(|main| {
        let log = Log::default();
        let unstarted = main.spawn(&STACKS, |_me, x| Ok(x + 100)).unwrap();
        for (parent, answer) in [(main.handle(), 1), (waiting(main), 1), (dead(main), 1), (unstarted, 101)] {
            let child = main.build(&STACKS).parent(&parent).spawn(|_me, x| Ok(x)).unwrap();
            assert_eq!(child.parent(), Some(parent));
            assert_eq!(child.switch(1), Ok(answer));
        }
        assert!(log.take().is_empty());
    });
}

#[test]
fn s1_13_main_is_never_dead_while_its_tree_lives() {
    tree(|main| {
        let to_main = main.handle();
        assert_eq!((main.kill().is_err(), main.throw("boo").is_err()), (true, true));
        assert!(!to_main.is_dead() && to_main.is_active());
        let g = main.spawn(&STACKS, move |_me, x| {
            assert!(!to_main.is_dead());
            Ok(x)
        });
        g.unwrap().switch(0).unwrap();
    });
}

#[test]
fn s2_03_values_of_several_kinds_and_none_are_one_type_of_the_users_own() {
    #[derive(Debug, Default, PartialEq)]
    enum Arguments {
        #[default]
        None,
        One(u32),
        Several(Vec<u32>),
        Named(&'static str, u32),
    }
    let _alone = alone();
    let entered = own_tree!(Arguments, ()).enter(|main| {
        let g = main.spawn(stacks!(1), |me, mut x| {
            loop {
                x = me.up(x)?;
            }
        });
        let g = g.unwrap();
        assert_eq!(g.switch(Arguments::None), Ok(Arguments::None));
        assert_eq!(g.switch(Arguments::One(1)), Ok(Arguments::One(1)));
        assert_eq!(g.switch(Arguments::Several(vec![1, 2])), Ok(Arguments::Several(vec![1, 2])));
        assert_eq!(g.switch(Arguments::Named("key", 3)), Ok(Arguments::Named("key", 3)));
        assert_eq!(g.kill(), Ok(Arguments::None), "what an exit without a payload carries");
        assert_eq!(g.switch(Arguments::One(2)), Ok(Arguments::One(2)), "back from a dead one, unchanged");
    });
    entered.unwrap();
}

#[test]
fn s2_05_the_value_of_a_body_goes_to_its_parent_as_it_is() {
    let _alone = alone();
    let entered = own_tree!((u8, String), ()).enter(|main| {
        let g = main.spawn(stacks!(1), |_me, (n, text)| Ok((n + 1, text + "!"))).unwrap();
        assert_eq!(g.switch((1, "a".into())), Ok((2, "a!".to_owned())));
    });
    entered.unwrap();
}

#[test]
fn s4_05_an_error_that_main_passes_on_comes_out_of_enter() {
    static TREE: Tree<u32> = Tree::new();
    let _alone = alone();
    let left = TREE.enter(|main| -> Out {
        let g = main.spawn(&STACKS, |_me, _| Err("up".into())).unwrap();
        let value = g.switch(0)?;
        Ok(value + 1)
    });
    assert_eq!(left.unwrap(), Err(Thrown::Error("up")));
}

#[test]
fn s4_12_an_exit_value_starts_an_unstarted_parent_like_any_value() {
    tree(|main| {
        let starts = || main.spawn(&STACKS, |_me, x| Ok(x + 1)).unwrap();
        let by_death = starts().spawn(&STACKS, |me, x| me.parent().parent().unwrap().switch(x)).unwrap();
        by_death.switch(0).unwrap();
        assert_eq!(by_death.kill_with(5), Ok(6), "its child dies by an exit");
        let by_dead_child = dead(main);
        by_dead_child.set_parent(&starts()).unwrap();
        assert_eq!(by_dead_child.kill(), Ok(EXIT + 1), "a dead child is killed");
        assert_eq!(starts().spawn(&STACKS, |_me, x| Ok(x)).unwrap().kill_with(7), Ok(8), "an unstarted one");
    });
}

#[test]
fn s5_14_a_throw_is_nearly_a_switch_to_a_new_child_that_fails() {
    tree(|main| {
        let catches = || {
            let g = main.spawn(&STACKS, |me, x| me.up(x).or_else(|thrown| me.up(u32::from(thrown == Thrown::Exit(3)))));
            let g = g.unwrap();
            g.switch(0).unwrap();
            g
        };
        let child_of = |g: &Handle, end: Out| g.spawn(&STACKS, move |_me, _| end).unwrap();
        let [thrown, childs] = [catches(), catches()];
        assert_eq!(thrown.throw("boo"), child_of(&childs, Err("boo".into())).switch(0));
        let [killed, childs] = [catches(), catches()];
        assert_eq!(killed.kill_with(3), Ok(1), "the exit was raised in it");
        assert_eq!(
            child_of(&childs, Err(Thrown::Exit(3))).switch(0),
            Ok(3),
            "but does not cross from a child: a value"
        );
    });
}

#[test]
fn s6_03_a_greenlet_that_waits_in_a_switch_keeps_what_it_switched_to() {
    tree(|main| {
        let seen = Rc::new(Cell::new(None));
        let (target, to_main) = (seen.clone(), main.handle());
        let waits = main.spawn(&STACKS, move |me: &Me, x| {
            let child = me.spawn(&STACKS, move |_me, x| to_main.switch(x)).unwrap();
            target.set(Some(child.downgrade()));
            child.switch(x)
        });
        let waits = waits.unwrap();
        assert_eq!(waits.switch(3), Ok(3));
        let target = seen.take().unwrap();
        assert_eq!(target.upgrade().unwrap().state(), State::Suspended);
        assert_eq!(waits.cancel(), Ok(EXIT));
        assert!(target.upgrade().is_none(), "its switch is over, and so is the reference");
    });
}

#[test]
fn s6_14_an_error_that_leaves_the_dropper_is_not_lost_in_the_kill() {
    tree(|main| {
        let log = Log::default();
        let held = log.dropping("victim");
        let dropper = main.spawn(&STACKS, move |me, _| {
            let victim = me.spawn(&STACKS, crate::common::echo_with(held)).unwrap();
            victim.switch(0)?;
            Err("own".into()) // on its way when the last handle to the victim is dropped
        });
        assert_eq!(dropper.unwrap().switch(0), Err(Thrown::Error("own")));
        assert_eq!(log.take(), "-victim");
    });
}

#[test]
fn s7_11_an_error_of_the_tracer_takes_the_place_of_an_exit_value() {
    tree(|main| {
        let g = waiting(main);
        main.set_trace(Some(&|event: Event, _: &Handle, target: &Handle| {
            if event == Event::Switch && target.is_main() { Err("instead") } else { Ok(()) }
        }));
        assert_eq!(g.kill_with(7), Err(Thrown::Error("instead")), "an error where the parent would have got a value");
        assert!(g.is_dead() && main.trace().is_none());
    });
}

#[test]
fn s9_03_a_greenlet_belongs_to_the_tree_of_its_parent() {
    tree(|main| {
        let (parent, log) = (waiting(main), Log::default());
        let (named, said) = (parent.clone(), log.clone());
        let creator = main.spawn(&STACKS, move |me, x| {
            let g = me.build(&STACKS).parent(&named).spawn(|_me, x| Ok(x + 1)).unwrap();
            named.for_each(|member| said.say(*member == g));
            assert_eq!(g.parent(), Some(named));
            g.switch(x)
        });
        assert_eq!(creator.unwrap().switch(1), Ok(2), "by way of its parent, and not of its creator");
        assert_eq!(log.take(), "false false false true", "main, the parent, the creator, and the new one");
    });
    // The other tree of this core is always one that has ended: its greenlets never become parents.
    static ENDED: Tree<u32> = Tree::new();
    let old = {
        let _alone = alone();
        ENDED.enter(|main| main.bare(stacks!(1)).unwrap()).unwrap()
    };
    tree(|main| {
        let before = STACKS.free();
        assert_eq!(main.build(&STACKS).parent(&old).bare().unwrap_err(), SpawnError::Ended);
        assert_eq!(
            old.build(&STACKS).parent(main).spawn(|_me, x| Ok(x)).unwrap().switch(3),
            Ok(3),
            "the parent's tree"
        );
        assert_eq!(STACKS.free(), before);
        drop(old);
    });
}

#[test]
#[cfg_attr(miri, ignore = "runs itself as a child")]
fn s10_01_a_program_that_exits_with_greenlets_alive_runs_nothing_of_them() {
    struct Loud;
    impl Drop for Loud {
        fn drop(&mut self) {
            println!("ran a destructor");
        }
    }
    let Some(output) =
        in_child(module_path!(), "s10_01_a_program_that_exits_with_greenlets_alive_runs_nothing_of_them")
    else {
        return tree(|main| {
            let all = [0; 4].map(|_| main.spawn(&STACKS, crate::common::waiting_with(Loud)).unwrap());
            all.iter().for_each(|g| assert_eq!(g.switch(0), Ok(0)));
            let last = all[3].spawn(&STACKS, |_me, _| std::process::exit(42)).unwrap();
            last.switch(0).unwrap();
        });
    };
    assert_eq!(output.status.code(), Some(42), "from inside a greenlet");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("ran a destructor"));
}

#[cfg(feature = "std")]
mod threads {
    use super::*;

    static TREES: [Tree<u32>; 8] = [const { Tree::new() }; 8];

    /// Runs `body` as main of a tree of its own in eight threads at once.
    fn in_threads(body: impl Fn(&crate::common::Main, u32) + Sync) {
        std::thread::scope(|scope| {
            for (number, tree) in (0..).zip(&TREES) {
                let body = &body;
                scope.spawn(move || tree.enter(|main| body(main, number)).unwrap());
            }
        });
    }

    #[test]
    fn s7_14_every_thread_has_a_tracer_of_its_own() {
        let _alone = alone();
        in_threads(|main, number| {
            let count = Box::leak(Box::new(Cell::new(0)));
            if number % 2 == 0 {
                let count: &'static Cell<u32> = count;
                main.set_trace(Some(Box::leak(Box::new(move |_: Event, _: &Handle, _: &Handle| {
                    count.set(count.get() + 1);
                    Ok(())
                }))));
            }
            (0..number).for_each(|n| assert_eq!(main.switch(n), Ok(n)));
            assert_eq!(count.get(), if number % 2 == 0 { number } else { 0 });
        });
    }

    #[test]
    fn s9_01_every_thread_has_a_main_and_a_tree_of_its_own() {
        let _alone = alone();
        in_threads(|main, number| {
            assert!(TREES[number as usize].current().is_some_and(|current| current == **main));
            assert!(TREES[(number as usize + 1) % 8].current().is_none());
            let g = waiting(main);
            for n in 0..10_000 {
                assert_eq!(g.switch(n + number), Ok(n + number));
            }
            let mut all = vec![];
            main.for_each(|g| all.push(g.id()));
            assert_eq!(all, [main.id(), g.id()]);
        });
    }

    #[test]
    fn s9_04_a_handle_in_a_thread_local_outlives_its_tree_and_is_dropped_with_its_thread() {
        thread_local!(static KEPT: Cell<Option<Handle>> = const { Cell::new(None) });
        static TREE: Tree<u32> = Tree::new();
        let _alone = alone();
        let pool = stacks!(1);
        std::thread::spawn(move || {
            TREE.enter(|main| KEPT.set(main.spawn(pool, crate::common::echo).ok())).unwrap();
            let kept = KEPT.take().unwrap();
            assert!(kept.is_dead() && kept.switch(1).is_err());
            KEPT.set(Some(kept));
            assert_eq!(pool.free(), 0);
        })
        .join()
        .unwrap();
        assert_eq!(pool.free(), 1);
    }

    #[test]
    fn s9_06_threads_that_come_and_go_leave_nothing_behind() {
        static TREE: Tree<u32> = Tree::new();
        let _alone = alone();
        let (pool, log) = (stacks!(2), Log::default());
        for n in 0..200 {
            let switched = std::thread::spawn(move || {
                let kept = TREE.enter(|main| {
                    let g = main.spawn(pool, crate::common::echo).unwrap();
                    let lost = crate::common::left_over(main, "lost", crate::common::echo);
                    (g.switch(n), lost.switch(n), g.state())
                });
                kept.unwrap()
            });
            assert_eq!(switched.join().unwrap(), (Ok(n), Ok(n), State::Suspended));
        }
        assert_eq!((pool.free(), STACKS.free(), log.take().as_str()), (2, STACKS.count(), ""));
    }
}
