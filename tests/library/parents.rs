//! Parents: which greenlet may become the parent of which, and when that takes effect.

use crate::common::{Handle, Log, Me, STACKS, dead, echo, echo_with, exit_shown, tree, unstarted, waiting};
use greenlet::{Event, ParentError, Thrown};

#[test]
fn a_greenlet_is_born_to_the_one_that_it_is_spawned_from_or_to_the_one_that_is_named() {
    tree(|main| {
        let other = waiting(main);
        let g = main.spawn(&STACKS, {
            let other = other.clone();
            move |me, x| {
                let mine = me.bare(&STACKS).unwrap();
                let given = me.build(&STACKS).parent(&other).bare().unwrap();
                assert_eq!((mine.parent(), given.parent()), (Some(me.handle()), Some(other)));
                assert_eq!(me.parent(), me.handle().parent().unwrap());
                Ok(x)
            }
        });
        let g = g.unwrap();
        assert_eq!(g.switch(1), Ok(1));
        let late = g.spawn(&STACKS, |_me, x| Ok(x + 1)).unwrap();
        assert_eq!(late.parent(), Some(g), "a dead one");
        assert_eq!(late.switch(1), Ok(2));
        assert_eq!(main.parent(), None);
    });
}

#[test]
fn the_parent_can_be_changed_in_every_state_to_one_in_every_state() {
    tree(|main| {
        let log = Log::default();
        let each_state = || [unstarted(main, &log, "unrun"), main.bare(&STACKS).unwrap(), waiting(main), dead(main)];
        for child in each_state() {
            for parent in each_state().into_iter().chain([main.handle()]) {
                assert_eq!(child.set_parent(&parent), Ok(()));
                assert_eq!(child.set_parent(&parent), Ok(()), "the one that it has");
                assert_eq!(child.parent(), Some(parent));
            }
        }
        let itself = main.spawn(&STACKS, |me, x| {
            let parent = waiting(me);
            let grandparent = me.parent();
            parent.set_parent(&grandparent).unwrap();
            me.set_parent(&parent).unwrap();
            assert_eq!(me.parent(), parent);
            Ok(x + 1)
        });
        assert_eq!(itself.unwrap().switch(1), Ok(2), "by way of the new parent");
    });
}

#[test]
fn what_a_greenlet_ends_with_goes_to_its_parent_of_that_moment() {
    tree(|main| {
        let plus = |n| main.spawn(&STACKS, move |_me, x| Ok(x + n)).unwrap();
        let (at_birth, at_start, at_death) = (plus(1), plus(10), plus(100));
        let g = at_birth.spawn(&STACKS, |me, x| me.parent().parent().unwrap().switch(x)).unwrap();
        g.set_parent(&at_start).unwrap();
        g.switch(0).unwrap();
        g.set_parent(&at_death).unwrap();
        assert_eq!(g.switch(5), Ok(105));
        let killed = at_birth.spawn(&STACKS, echo).unwrap();
        killed.set_parent(&at_start).unwrap();
        assert_eq!(killed.kill_with(5), Ok(15), "unstarted, too");
        let fails = at_birth.spawn(&STACKS, |me, _| {
            me.set_parent(&me.parent().parent().unwrap()).unwrap();
            Err("no".into())
        });
        assert_eq!(fails.unwrap().switch(0), Err(Thrown::Error("no")));
        assert!(!at_birth.is_started());
    });
}

#[test]
fn main_has_no_parent_and_that_is_said_before_a_cycle_is() {
    tree(|main| {
        let child = waiting(main);
        assert_eq!(main.set_parent(&child), Err(ParentError::Main));
        assert_eq!(main.set_parent(main), Err(ParentError::Main));
        let own = main.spawn(&STACKS, |me, x| {
            assert_eq!(me.parent().set_parent(me), Err(ParentError::Main));
            Ok(x)
        });
        assert_eq!(own.unwrap().switch(1), Ok(1));
    });
}

#[test]
fn a_cycle_is_refused_and_changes_nothing() {
    tree(|main| {
        let log = Log::default();
        let top = unstarted(main, &log, "top");
        let through_dead = dead(&top);
        let through_bare = through_dead.bare(&STACKS).unwrap();
        let bottom = through_bare.spawn(&STACKS, |me, x| me.switch(x)).unwrap();
        let before = [&top, &through_dead, &through_bare, &bottom].map(|g| (g.parent(), g.references()));
        for above in [&top, &through_dead, &through_bare, &bottom] {
            assert_eq!(above.set_parent(above), Err(ParentError::Cycle), "itself");
            assert_eq!(above.set_parent(&bottom), Err(ParentError::Cycle), "near or far");
        }
        let after = [&top, &through_dead, &through_bare, &bottom].map(|g| (g.parent(), g.references()));
        // A parent that is looked at is a handle, and counts.
        assert_eq!(before.each_ref().map(|it| &it.0), after.each_ref().map(|it| &it.0));
        drop((before, after));
        assert_eq!([&top, &through_dead, &through_bare, &bottom].map(Handle::references), [2, 2, 2, 1]);
        assert_eq!(bottom.set_parent(&top), Ok(()), "down is no cycle");
        assert_eq!(through_bare.set_parent(&bottom), Ok(()), "and now this is none");
    });
}

#[test]
fn a_parent_field_is_a_reference_and_moves_with_the_child() {
    tree(|main| {
        let (old, new) = (waiting(main), waiting(main));
        let mains = main.references();
        let children = [old.bare(&STACKS).unwrap(), unstarted(&old, &Log::default(), "unrun"), dead(&old)];
        assert_eq!((old.references(), new.references()), (4, 1));
        for (moved, child) in (1..).zip(&children) {
            child.set_parent(&new).unwrap();
            assert_eq!((old.references(), new.references()), (4 - moved, 1 + moved));
        }
        drop(children);
        assert_eq!((old.references(), new.references(), main.references()), (1, 1, mains));
    });
}

/// A child of main that says `-parent` when it ends, and in it one that waits in `up` and then says what it got.
/// Returns both, and main is current.
fn parent_and_child_in_up(main: &Handle, log: &Log) -> (Handle, Handle) {
    let said = log.clone();
    let parent = main.spawn(&STACKS, echo_with(log.dropping("parent"))).unwrap();
    parent.switch(0).unwrap(); // started, so that the child's `up` is a fast one
    let child = parent.spawn(&STACKS, move |me, x| {
        let answer = me.up(x);
        said.say(format!("{answer:?}"));
        let answer = me.up(x);
        said.say(format!("{answer:?}"));
        Ok(0)
    });
    let child = child.unwrap();
    child.switch(1).unwrap();
    (parent, child)
}

#[test]
fn a_pending_up_keeps_its_target_until_it_returns() {
    for traced in [false, true] {
        tree(|main| {
            let log = Log::default();
            if traced {
                main.set_trace(Some(&|_: Event, _: &Handle, _: &Handle| Ok(())));
            }
            let (parent, child) = parent_and_child_in_up(main, &log);
            let (second, third) = (unstarted(main, &log, "second"), waiting(main));
            child.set_parent(&second).unwrap();
            drop(parent);
            log.say("changed");
            drop(second);
            child.set_parent(&third).unwrap(); // this one's `up` was to the first parent, not to the second
            log.say("changed again");
            assert_eq!(child.switch(5), Ok(1), "sent up by its second `up`, to the third parent");
            assert_eq!(log.take(), "changed -second changed again -parent Ok(5)", "traced: {traced}");
            let references = third.references();
            child.set_parent(main).unwrap();
            drop(third.clone());
            assert_eq!(third.references(), if traced { references - 1 } else { references }, "pinned in its turn");
            child.switch(6).unwrap();
            assert_eq!(third.references(), 1);
            assert_eq!(log.take(), "Ok(6)");
        });
    }
}

#[test]
fn a_pending_up_that_ends_by_an_error_or_an_exit_lets_go_of_its_target_first() {
    let ways: [fn(&Handle); 3] = [|g| _ = g.throw("boo"), |g| _ = g.kill(), |g| _ = g.cancel()];
    let answers = ["Err(Error(\"boo\"))".to_owned(), exit_shown(), exit_shown()];
    for (way, answer) in ways.into_iter().zip(answers) {
        tree(|main| {
            let log = Log::default();
            let (parent, child) = parent_and_child_in_up(main, &log);
            child.set_parent(main).unwrap();
            drop(parent);
            way(&child);
            assert_eq!(log.take(), format!("-parent {answer}"));
        });
    }
}

#[test]
fn after_an_up_has_returned_a_change_lets_go_of_the_old_parent_at_once() {
    tree(|main| {
        let (parent, to_main) = (waiting(main), main.handle());
        let child = parent.spawn(&STACKS, move |me, x| {
            me.up(x)?;
            to_main.switch(x)
        });
        let child = child.unwrap();
        child.switch(1).unwrap();
        child.switch(2).unwrap();
        assert_eq!(parent.references(), 2);
        child.set_parent(main).unwrap();
        assert_eq!(parent.references(), 1);
    });
}

#[test]
fn an_up_that_takes_the_slow_path_counts_its_target() {
    tree(|main| {
        let parent = waiting(main);
        let child = parent.spawn(&STACKS, |me: &Me, mut x| {
            loop {
                x = me.up(x)?;
            }
        });
        let child = child.unwrap();
        assert_eq!(parent.references(), 2);
        main.set_trace(Some(&|_: Event, _: &Handle, _: &Handle| Ok(())));
        child.switch(1).unwrap();
        assert_eq!(parent.references(), 3, "its handle, the child's parent field, the pending call");
        main.set_trace(None);
        child.switch(1).unwrap(); // to the parent by the slow path still, since that waits in a slow `up` itself
        child.switch(1).unwrap();
        assert_eq!(parent.references(), 2, "the parent field stands for the pending call");
    });
}

/// A greenlet that runs does not wait in `up`, though its saved context may still say so: it is the one of a fast `up`
/// that has returned.
#[test]
fn a_greenlet_that_runs_leaves_no_pin_when_it_changes_its_own_parent() {
    tree(|main| {
        let old = waiting(main);
        let child = old.spawn(&STACKS, |me, x| {
            me.up(x)?;
            me.set_parent(&me.parent().parent().unwrap()).unwrap();
            me.up(2) // to the new parent
        });
        let child = child.unwrap();
        assert_eq!(child.switch(1), Ok(1), "by way of the old parent, which waits in its own `up` then");
        assert_eq!(old.references(), 2, "this handle, and the child's parent field");
        assert_eq!(child.switch(1), Ok(2));
        assert_eq!(old.references(), 1, "a pin would refer to it until the child comes back from its next `up`");
        assert_eq!(child.switch(3), Ok(3));
    });
}
