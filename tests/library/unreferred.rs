//! A greenlet that runs needs no reference; one that has none is killed as soon as another has taken over from it.

use crate::common::{Handle, Log, Main, Me, Out, STACKS, echo, echo_with, exit_shown, heard, tree, waiting};
use greenlet::{State, Thrown};
use std::cell::Cell;
use std::rc::Rc;

/// Runs `body` in a child of main that has no reference. A child of that one ends, and so starts it, and is then moved
/// to main: its parent field was the last reference.
fn unreferred(main: &Main, body: impl FnOnce(&Me, u32) -> Out + 'static) -> Out {
    let last = Rc::new(Cell::new(None::<Handle>));
    let child = last.clone();
    let g = main.build(&STACKS).name("unreferred").spawn(move |me, x| {
        child.take().unwrap().set_parent(&me.parent()).unwrap();
        body(me, x)
    });
    let child = g.unwrap().spawn(&STACKS, |_me, x| Ok(x)).unwrap();
    last.set(Some(child.clone()));
    child.switch(1)
}

#[test]
fn it_continues_unchanged_and_is_freed_when_it_returns() {
    tree(|main| {
        let weak = Rc::new(Cell::new(None));
        let seen = weak.clone();
        let answer = unreferred(main, move |me, x| {
            seen.set(Some(me.downgrade()));
            assert_eq!((me.state(), me.current()), (State::Running, Some(me.handle())));
            drop(me.handle()); // the last handle, once more
            assert_eq!(me.switch(x + 1), Ok(2), "to itself");
            assert_eq!(waiting(me).switch(x), Ok(1), "a pending switch is a child's matter: it has a parent field");
            Ok(x + 10)
        });
        assert_eq!(answer, Ok(11));
        assert!(weak.take().unwrap().upgrade().is_none());
    });
}

#[test]
fn it_is_killed_before_the_switch_of_the_next_one_returns_and_the_value_is_not_lost() {
    tree(|main| {
        let log = Log::default();
        let said = log.clone();
        let answer = unreferred(main, move |me, x| {
            let _local = said.dropping("local");
            let to_main = me.parent();
            let asked = to_main.switch(x + 1);
            said.say(format!("{asked:?}"));
            assert_eq!(me.parent(), to_main, "main is the dropper");
            asked
        });
        log.say(format!("{answer:?}"));
        assert_eq!(log.take(), format!("{} -local Ok(2)", exit_shown()));
    });
}

#[test]
fn an_error_that_is_on_its_way_is_not_lost_either() {
    tree(|main| {
        assert_eq!(unreferred(main, |me, _| me.parent().throw("still")), Err(Thrown::Error("still")));
        assert_eq!(
            unreferred(main, |me, _| me.parent().throw("still").or(Err("own".into()))),
            Err(Thrown::Error("still"))
        );
        assert_eq!(heard(), ["unraisable unreferred Error(\"own\")"]);
    });
}

#[test]
fn it_is_killed_before_the_body_of_the_next_one_begins() {
    tree(|main| {
        let log = Log::default();
        let said = log.clone();
        let next = main.spawn(&STACKS, move |_me, x| {
            said.say("begins");
            Ok(x)
        });
        let (next, said) = (next.unwrap(), log.clone());
        let answer = unreferred(main, move |_me, x| {
            let _local = said.dropping("local");
            next.switch(x)
        });
        assert_eq!(answer, Ok(1));
        assert_eq!(log.take(), "-local begins");
    });
}

#[test]
fn it_may_take_a_handle_to_itself_and_live() {
    tree(|main| {
        let kept = Rc::new(Cell::new(None::<Handle>));
        let (before, after) = (kept.clone(), kept.clone());
        let answer = unreferred(main, move |me, x| {
            before.set(Some(me.handle()));
            me.up(x)
        });
        assert_eq!(answer, Ok(1));
        assert_eq!(kept.take().unwrap().switch(5), Ok(5), "taken before it left: not killed at all");
        let answer = unreferred(main, move |me, x| {
            let asked = me.up(x);
            after.set(Some(me.handle()));
            asked.or_else(|_| me.up(0))
        });
        assert_eq!(answer, Ok(1));
        assert_eq!(kept.take().unwrap().switch(5), Ok(5), "taken when it was killed: revived");
    });
}

#[test]
fn its_up_takes_the_slow_path_and_means_the_same() {
    tree(|main| {
        let log = Log::default();
        let said = log.clone();
        let answer = unreferred(main, move |me, x| {
            let _local = said.dropping("local");
            me.up(x + 1)
        });
        log.say(format!("{answer:?}"));
        assert_eq!(log.take(), "-local Ok(2)");
    });
}

#[test]
fn it_is_killed_before_the_target_of_a_pending_up_is_let_go() {
    tree(|main| {
        let log = Log::default();
        let parent = main.spawn(&STACKS, echo_with(log.dropping("target"))).unwrap();
        parent.switch(0).unwrap();
        let said = log.clone();
        let child = parent.spawn(&STACKS, move |me, x| {
            let answer = me.up(x);
            said.say("arrives");
            answer
        });
        let (child, said) = (child.unwrap(), log.clone());
        child.switch(0).unwrap();
        child.set_parent(main).unwrap(); // its `up` alone refers to the old parent now
        drop(parent);
        let answer = unreferred(main, move |_me, x| {
            let _local = said.dropping("origin");
            child.switch(x)
        });
        assert_eq!(answer, Ok(1));
        assert_eq!(log.take(), "-origin -target arrives");
    });
}

#[test]
fn once_it_is_gone_transfers_are_fast_again() {
    tree(|main| {
        let parent = waiting(main);
        let child = parent.spawn(&STACKS, echo).unwrap();
        child.switch(0).unwrap();
        unreferred(main, |_me, x| Ok(x)).unwrap();
        unreferred(main, |me, x| me.up(x)).unwrap();
        child.switch(0).unwrap();
        assert_eq!(parent.references(), 2, "a slow `up` would count a third");
    });
}

#[test]
fn others_are_not_killed_in_its_place() {
    tree(|main| {
        let other = waiting(main);
        let switched = other.clone();
        let answer = unreferred(main, move |me, x| {
            me.set_parent(&switched.parent().unwrap()).unwrap();
            switched.switch(x)
        });
        assert_eq!(answer, Ok(1), "the other one sent it up");
        assert_eq!(other.state(), State::Suspended);
        assert_eq!(other.switch(2), Ok(2));
    });
}
