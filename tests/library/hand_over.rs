//! Switches that do not keep their target while they wait: by a weak handle, and by a handle that is given up.

use crate::common::{EXIT, Handle, Log, Main, Me, Out, STACKS, dead, echo, stacks, tree, unstarted, waiting};
use greenlet::{GreenletLocal, Refusal, Sent, State, Thrown, Tree, WeakGreenlet};
use std::cell::Cell;
use std::rc::Rc;

/// The two ways. Each is handed a handle that is not the last one.
const WAYS: [fn(Handle, u32) -> Out; 2] = [
    |to, x| {
        let weak = to.downgrade();
        drop(to);
        weak.switch(x)
    },
    |to, x| to.switch_away(x),
];

fn weakly(to: &WeakGreenlet<u32, &'static str>, x: u32) -> Out {
    to.switch(x)
}

#[test]
fn values_go_there_and_come_back() {
    tree(|main| {
        for way in WAYS {
            let g = waiting(main);
            assert_eq!((way(g.clone(), 1), way(g.clone(), 2)), (Ok(1), Ok(2)));
            let thrower = main.spawn(&STACKS, |me, _| me.parent().throw("back")).unwrap();
            assert_eq!(way(thrower.clone(), 3), Err(Thrown::Error("back")));
            assert_eq!((g.references(), thrower.references()), (1, 1));
        }
    });
}

#[test]
fn a_target_that_ends_meanwhile_is_freed_and_its_stack_used_again_before_the_switch_returns() {
    let stacks = stacks!(1);
    for way in WAYS {
        tree(|main| {
            let target = main.spawn(stacks, |me, x| me.up(x + 1)).unwrap();
            target.switch(0).unwrap();
            let next = Cell::new(Some(target.clone()));
            let waits = main.spawn(&STACKS, move |_me, x| way(next.take().unwrap(), x)).unwrap();
            assert_eq!(waits.switch(5), Ok(5), "the end of the target, which comes to main");
            assert_eq!(target.references(), 1, "kept by the test alone");
            drop(target);
            assert_eq!(stacks.free(), 1);
            let other = main.spawn(stacks, |me, x| me.up(x * 2)).unwrap();
            assert_eq!(other.switch(21), Ok(42), "on the stack of the target");
            assert_eq!(waits.switch(7), Ok(7), "its switch has returned, and so has its body");
            assert!(waits.is_dead() && other.is_active());
            assert_eq!(other.switch(9), Ok(9));
        });
    }
}

#[test]
fn an_unstarted_target_starts() {
    tree(|main| {
        for way in WAYS {
            let g = main.spawn(&STACKS, |me, x| me.up(x + 1)).unwrap();
            assert_eq!((way(g.clone(), 1), g.state()), (Ok(2), State::Suspended));
        }
    });
}

#[test]
fn a_dead_target_passes_it_on_to_its_parent() {
    tree(|main| {
        for way in WAYS {
            assert_eq!(way(dead(main).clone(), 1), Ok(1), "the parent is the caller");
            let parent = waiting(main);
            let child = dead(&parent);
            assert_eq!(way(child.clone(), 2), Ok(2), "echoed");
        }
    });
}

#[test]
fn a_bare_target_is_nowhere_to_go() {
    tree(|main| {
        for way in WAYS {
            let g = main.bare(&STACKS).unwrap();
            assert_eq!(way(g.clone(), 1), Err(Thrown::NoRun));
            g.set_run(|_me, x| Ok(x)).unwrap();
            assert_eq!(way(g.clone(), 2), Ok(2));
        }
    });
}

#[test]
fn the_current_greenlet_is_gone_to_at_once() {
    tree(|main| {
        for way in WAYS {
            assert_eq!(way(main.handle(), 1), Ok(1));
            let g = main.spawn(&STACKS, move |me, x| way(me.handle(), x + 1)).unwrap();
            assert_eq!(g.switch(1), Ok(2));
        }
    });
}

#[test]
fn a_greenlet_of_an_ended_tree_refuses_and_gives_the_value_back() {
    let stacks = stacks!(2);
    let refused = |x| Err(Thrown::Refused(Refusal::Ended, Some(Sent::Value(x))));
    let (kept, other) = tree(|main| (main.bare(stacks).unwrap(), main.bare(stacks).unwrap()));
    assert_eq!(kept.downgrade().switch(1), refused(1));
    assert_eq!(kept.clone().switch_away(2), refused(2));
    assert_eq!((other.switch_away(3), kept.switch_away(4)), (refused(3), refused(4)), "the last handles");
    assert_eq!(stacks.free(), 2);
}

#[test]
fn a_weak_handle_to_a_greenlet_that_is_gone_refuses_the_next_on_its_stack() {
    let stacks = stacks!(1);
    tree(|main| {
        let weak = main.spawn(stacks, |me, x| me.up(x)).unwrap().downgrade();
        let gone = |x| Err(Thrown::Refused(Refusal::Gone, Some(Sent::Value(x))));
        assert_eq!(weakly(&weak, 1), gone(1));
        let _other = main.spawn(stacks, |_me, _| unreachable!("it is not meant")).unwrap();
        assert_eq!(weakly(&weak, 2), gone(2));
    });
}

#[test]
fn the_last_handle_lets_its_target_run_until_it_leaves() {
    tree(|main| {
        let log = Log::default();
        for started in [true, false] {
            let said = log.clone();
            let g = main.spawn(&STACKS, move |me, x| {
                let x = if started { me.up(x)? } else { x };
                assert_eq!((me.references(), me.is_current()), (0, true));
                said.say(x);
                let asked = me.up(x + 1);
                said.say(format!("{:?}", asked == Err(Thrown::Exit(EXIT))));
                asked
            });
            let g = g.unwrap();
            let weak = g.downgrade();
            if started {
                g.switch(0).unwrap();
            }
            assert_eq!(g.switch_away(7), Ok(8));
            assert_eq!(log.take(), "7 true", "its exit came before the switch returned");
            assert!(weak.upgrade().is_none());
        }
    });
}

#[test]
fn the_last_handle_of_one_that_makes_another_does_not_end_it() {
    tree(|main| {
        let kept = Rc::new(Cell::new(None));
        let keeps = kept.clone();
        let g = main.spawn(&STACKS, move |me, x| {
            keeps.set(Some(me.handle())); // as a task does that puts itself into a queue
            echo(me, x)
        });
        assert_eq!(g.unwrap().switch_away(1), Ok(1));
        let g = kept.take().unwrap();
        assert_eq!((g.state(), g.references(), g.switch(2)), (State::Suspended, 1, Ok(2)));
    });
}

#[test]
fn the_last_handle_of_one_that_ends_by_a_value_or_an_error_frees_it() {
    tree(|main| {
        let bodies: [fn(&Me, u32) -> Out; 3] =
            [|_, x| Ok(x), |_, _| Err("sore".into()), |me, x| me.parent().switch_away(x)];
        let expected = [Ok(1), Err(Thrown::Error("sore")), Ok(1)];
        for (body, expected) in bodies.into_iter().zip(expected) {
            let g = main.spawn(&STACKS, body).unwrap();
            let weak = g.downgrade();
            assert_eq!(g.switch_away(1), expected);
            assert!(weak.upgrade().is_none());
        }
    });
}

#[test]
fn the_last_handle_to_a_greenlet_without_a_body_frees_it() {
    let stacks = stacks!(1);
    tree(|main| {
        assert_eq!(main.bare(stacks).unwrap().switch_away(1), Err(Thrown::NoRun));
        assert_eq!(stacks.free(), 1);
    });
}

#[test]
fn the_last_handle_of_the_current_greenlet_is_given_up_by_itself() {
    tree(|main| {
        let own = Rc::new(Cell::new(None::<Handle>));
        let mine = own.clone();
        let g = main.spawn(&STACKS, move |me, x| {
            assert_eq!(mine.take().unwrap().switch_away(x + 1), Ok(2));
            assert_eq!(me.references(), 0);
            me.up(10)
        });
        let weak = g.as_ref().unwrap().downgrade();
        own.set(g.ok());
        assert_eq!(weak.switch(1), Ok(10));
        assert!(weak.upgrade().is_none());
    });
}

#[test]
fn the_last_handle_of_a_dead_one_releases_a_parent_that_only_it_kept() {
    static LOCAL: GreenletLocal<Cell<Option<crate::common::Dropping>>, 1> = GreenletLocal::new(|| Cell::new(None));
    tree(|main| {
        let log = Log::default();
        let said = log.clone();
        let parent = main.spawn(&STACKS, move |me, x| {
            let x = me.up(x)?;
            said.say(format!("parent {x} {}", me.references()));
            me.up(x + 1)
        });
        let parent = parent.unwrap();
        parent.switch(0).unwrap();
        let child = dead(&parent);
        LOCAL.with(&child, |local| local.set(Some(log.dropping("local")))).unwrap();
        let weak = [parent.downgrade(), child.downgrade()];
        drop(parent);
        assert_eq!(child.switch_away(5), Ok(6));
        assert_eq!(log.take(), "-local parent 5 0", "freed before control left");
        assert!(weak.iter().all(|weak| weak.upgrade().is_none()));
    });
}

#[test]
fn what_a_dead_one_keeps_may_switch_when_its_last_handle_is_given_up() {
    struct Switches(Handle);
    impl Drop for Switches {
        fn drop(&mut self) {
            assert_eq!(self.0.switch(3), Ok(3));
            self.0.cancel().unwrap(); // and now the next receiver is dead as well
        }
    }
    static LOCAL: GreenletLocal<Cell<Option<Switches>>, 1> = GreenletLocal::new(|| Cell::new(None));
    tree(|main| {
        let parent = waiting(main);
        let child = dead(&parent);
        LOCAL.with(&child, |local| local.set(Some(Switches(parent)))).unwrap();
        assert_eq!(child.switch_away(5), Ok(5), "main's own");
    });
}

#[test]
fn a_tracer_gets_what_it_gets_of_a_switch() {
    tree(|main| {
        let log = Log::default();
        let said = log.clone();
        main.set_trace(Some(Box::leak(Box::new(move |event: greenlet::Event, from: &Handle, to: &Handle| {
            let name = |g: &Handle| g.name().unwrap_or("main");
            said.say(format!("{event}:{}>{}", name(from), name(to)));
            Ok(())
        }))));
        let named = || main.build(&STACKS).name("g").spawn(echo).unwrap();
        for way in WAYS {
            let g = named();
            assert_eq!(way(g.clone(), 1), Ok(1));
            assert_eq!(log.take(), "switch:main>g switch:g>main");
            main.set_trace(main.trace());
            g.cancel().unwrap();
            log.take();
        }
        assert_eq!(named().switch_away(1), Ok(1));
        assert_eq!(log.take(), "switch:main>g switch:g>main throw:main>g switch:g>main");
        assert_eq!(main.handle().switch_away(2), Ok(2));
        assert_eq!(log.take(), "switch:main>main");
        main.set_trace(None);
    });
}

#[test]
fn a_body_that_never_runs_goes_with_its_last_handle() {
    tree(|main| {
        let log = Log::default();
        let g = unstarted(main, &log, "body");
        assert_eq!(g.throw("error"), Err(Thrown::Error("error")));
        assert_eq!(log.take(), "-body");
        assert_eq!(g.switch_away(1), Ok(1), "dead");
    });
}

/// The exit function of a tree runs while a greenlet that lost its last handle is about to be killed. It may go there
/// by a weak handle, and does not keep it by that.
#[test]
fn a_greenlet_on_its_way_out_may_be_gone_to() {
    static TREE: Tree<u32> = Tree::with_exit(visit);
    static VISITED: crate::common::Alone<Option<u32>> = crate::common::Alone::new(None);
    static WEAK: crate::common::Alone<Option<WeakGreenlet<u32, &'static str>>> = crate::common::Alone::new(None);
    fn visit() -> u32 {
        VISITED.set(WEAK.take().map(|weak| weak.switch(7).unwrap()));
        EXIT
    }
    let stacks = stacks!(1);
    let _alone = crate::common::alone();
    let test = |main: &Main| {
        let g = main.spawn(stacks, echo).unwrap();
        g.switch(0).unwrap();
        WEAK.set(Some(g.downgrade()));
        drop(g);
        assert_eq!((VISITED.take(), stacks.free()), (Some(7), 1));
    };
    TREE.enter(test).unwrap();
}

/// A ring of tasks that hand over to one another, each by a handle that it takes out of a queue; the stacks of those
/// that end are used by those that come.
#[test]
fn tasks_hand_over_directly_and_none_keeps_another() {
    const TASKS: u32 = 100;
    let stacks = stacks!(3);
    type Queue = Rc<std::cell::RefCell<std::collections::VecDeque<Handle>>>;
    fn next(queue: &Queue, x: u32) -> Out {
        let next = queue.borrow_mut().pop_front();
        next.unwrap().switch_away(x)
    }
    tree(|main| {
        let queue = Queue::default();
        let mut turns = 0;
        let mut waits = 0..10 * TASKS;
        for task in 0..TASKS {
            let own = queue.clone();
            let body = move |me: &Me, mut x| {
                for _ in 0..task % 3 {
                    own.borrow_mut().push_back(me.handle());
                    x = next(&own, x + 1)?;
                }
                Ok(x)
            };
            // When all stacks are taken, the tasks run until main's turn comes.
            while stacks.free() == 0 {
                waits.next().expect("the tasks that end give their stacks back");
                queue.borrow_mut().push_back(main.handle());
                turns = next(&queue, turns).unwrap();
                queue.borrow_mut().retain(|g| !g.is_main());
            }
            queue.borrow_mut().push_back(main.spawn(stacks, body).unwrap());
        }
        while !queue.borrow().is_empty() {
            turns = next(&queue, turns).unwrap();
        }
        assert_eq!((turns, stacks.free()), (TASKS - 1, 3), "as many turns as were asked for, and no stack is kept");
    });
}
