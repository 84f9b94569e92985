//! Destructors, and bodies, that throw again while something is thrown.

use super::group;
use crate::answer::Answer::{self, Error, Exit, Value};
use crate::values::{Fault, Handle, Me, OnDrop, Out, f, fails, v};
use crate::verdict::{holds, same};
use crate::world::{EXIT, FIRST, FOR_EVER, ON_UNRAISABLE, SECOND, heard, spawn, started, tree, waiting};
use greenlet::State;

group! { "throws":
    a_destructor_throws_into_main,
    a_destructor_throws_into_its_own_greenlet,
    a_destructor_kills_its_own_greenlet,
    a_destructor_cancels_its_own_greenlet,
    three_destructors_throw_one_after_another,
    a_destructor_throws_into_a_parent_that_waits,
    a_destructor_throws_into_a_dead_one,
    a_destructor_throws_into_an_unstarted_one,
    another_error_takes_the_place_of_the_first,
    an_error_climbs_three_parents_that_each_throw_another,
    two_throw_at_each_other,
    an_exit_is_answered_by_an_error,
    an_error_is_answered_by_an_exit,
    the_hook_throws_into_the_victim,
    the_hook_kills_another_that_fails_too,
    a_destructor_throws_into_main_at_the_end_of_the_tree keeps(2, 2),
    a_destructor_cancels_the_next_and_that_the_next,
}

/// A child of main that waits, and when it ends calls `act`, with itself.
fn ends_with(main: &Handle, act: impl FnOnce(&Handle) + 'static) -> Handle {
    started(spawn(main, |me, x| {
        let myself = me.downgrade();
        let _local = OnDrop::new(move || act(&myself.upgrade().expect("it runs")));
        me.up(x)
    }))
}

fn a_destructor_throws_into_main() {
    tree(|main| {
        let g = ends_with(main, |me| same(Answer::from(me.parent().expect("main").throw(f(9))), Value(7)));
        same(Answer::from(g.throw(f(8))), Error(9));
        same(g.state(), State::Suspended);
        same(Answer::from(g.switch(v(7))), Error(8)); // the destructor is done, and it dies
        same(g.state(), State::Dead);
    });
}

fn a_destructor_throws_into_its_own_greenlet() {
    tree(|main| {
        let g = ends_with(main, |me| same(Answer::from(me.throw(f(9))), Error(9)));
        same(Answer::from(g.throw(f(8))), Error(8));
    });
}

fn a_destructor_kills_its_own_greenlet() {
    tree(|main| {
        let g = ends_with(main, |me| same(Answer::from(me.kill()), Exit(EXIT)));
        same(Answer::from(g.throw(f(8))), Error(8));
    });
}

fn a_destructor_cancels_its_own_greenlet() {
    tree(|main| {
        let g = ends_with(main, |me| same(Answer::from(me.cancel()), Answer::Refused(greenlet::Refusal::Cycle)));
        same(Answer::from(g.throw(f(8))), Error(8));
    });
}

fn three_destructors_throw_one_after_another() {
    tree(|main| {
        let g = started(spawn(main, |me, x| {
            let throw = |number| {
                let to = me.parent();
                OnDrop::new(move || drop(to.throw(f(number))))
            };
            let _locals = (throw(9), throw(10), throw(11));
            me.up(x)
        }));
        same(Answer::from(g.throw(f(8))), Error(9));
        same(Answer::from(g.throw(f(12))), Error(10));
        same(Answer::from(g.kill()), Error(11));
        same(Answer::from(g.switch(v(7))), Error(8));
        same(g.state(), State::Dead);
    });
}

fn a_destructor_throws_into_a_parent_that_waits() {
    tree(|main| {
        let parent = spawn(main, |me, x| {
            let child = ends_with(me, |child| drop(child.parent().expect("it has one").throw(f(9))));
            FIRST.set(child.clone());
            drop(child.throw(f(8))); // answered by 9, which is thrown into this one
            Ok(x)
        });
        same(Answer::from(parent.switch(v(1))), Value(1));
        same((parent.state(), FIRST.with(Handle::state)), (State::Dead, Some(State::Suspended)));
        same(Answer::from(FIRST.take().expect("kept").cancel()), Error(8)); // the destructor is over, and it dies of the first
    });
}

fn a_destructor_throws_into_a_dead_one() {
    tree(|main| {
        let dead = started(spawn(main, |_, x| Ok(x)));
        let g = ends_with(main, move |_| same(Answer::from(dead.throw(f(9))), Value(7)));
        same(Answer::from(g.throw(f(8))), Error(9)); // the parent of the dead one gets it
        same(Answer::from(g.switch(v(7))), Error(8));
    });
}

fn a_destructor_throws_into_an_unstarted_one() {
    tree(|main| {
        let unstarted = spawn(main, crate::world::waits());
        let weak = unstarted.downgrade();
        let g = ends_with(main, move |_| same(Answer::from(unstarted.throw(f(9))), Value(7)));
        same(Answer::from(g.throw(f(8))), Error(9));
        holds(weak.upgrade().is_some_and(|unstarted| unstarted.is_dead()), "it died without running");
        same(Answer::from(g.switch(v(7))), Error(8));
    });
}

fn another_error_takes_the_place_of_the_first() {
    tree(|main| {
        let g = started(spawn(main, |me, x| me.up(x).or_else(|_| fails(9))));
        same(Answer::from(g.throw(f(8))), Error(9));
    });
}

/// Waits in a switch to `child`, and answers an error with one that is larger by one.
fn adds_one(me: &Me, child: &Handle) -> Out {
    child.switch(v(1)).or_else(|thrown| match thrown {
        greenlet::Thrown::Error(Fault { number, .. }) => fails(number + 1),
        other => Err(other),
    })?;
    me.up(v(0))
}

fn an_error_climbs_three_parents_that_each_throw_another() {
    tree(|main| {
        let top = spawn(main, |me, _| {
            let middle = spawn(me, |me, _| {
                let bottom = spawn(me, |me, _| adds_one(me, &spawn(me, |_, _| fails(8))));
                adds_one(me, &bottom)
            });
            adds_one(me, &middle)
        });
        same(Answer::from(top.switch(v(1))), Error(11));
        same(top.state(), State::Dead);
    });
}

fn two_throw_at_each_other() {
    /// Throws back what it gets, larger by one, until it is 16.
    fn back(me: &Me, mut got: Out, partner: &Handle) -> Out {
        loop {
            match got {
                Err(greenlet::Thrown::Error(error)) if error.number < 16 => {
                    let next = error.number + 1;
                    drop(error);
                    got = partner.throw(f(next));
                }
                other => return other,
            }
            holds(me.is_current(), "the one that continues is running");
        }
    }
    tree(|main| {
        let one = spawn(main, |me, x| {
            let got = me.up(x);
            let other = SECOND.take().expect("the other one");
            back(me, got, &other)
        });
        let other = spawn(main, |me, x| {
            let got = me.up(x);
            let one = FIRST.take().expect("the one");
            back(me, got, &one)
        });
        let (one, other) = (started(one), started(other));
        FIRST.set(one.clone());
        SECOND.set(other.clone());
        same(Answer::from(one.throw(f(8))), Error(16));
        same((one.state(), other.state()), (State::Dead, State::Suspended));
        same(Answer::from(other.cancel()), Value(EXIT));
    });
}

fn an_exit_is_answered_by_an_error() {
    tree(|main| {
        let fails_at_exit = || started(spawn(main, |me, x| me.up(x).or_else(|_| fails(9))));
        let g = fails_at_exit();
        same(Answer::from(g.kill()), Error(9));
        let g = fails_at_exit();
        same((Answer::from(g.cancel()), g.state()), (Error(9), State::Dead));
        drop(fails_at_exit());
        let told = heard();
        same((told.unraisable, told.last), (1, Some(Error(9))));
    });
}

fn an_error_is_answered_by_an_exit() {
    tree(|main| {
        let g = started(spawn(main, |me, x| me.up(x).or(Err(greenlet::Thrown::Exit(v(9))))));
        same(Answer::from(g.throw(f(8))), Value(9));
    });
}

/// A child of main that waits, and fails when it is resumed.
fn failing(main: &Handle) -> Handle {
    started(spawn(main, |me, x| me.up(x).and_then(|_| fails(9)).or_else(|_| fails(9))))
}

fn the_hook_throws_into_the_victim() {
    tree(|main| {
        ON_UNRAISABLE.set(|victim| {
            same(victim.state(), State::Dead);
            same(Answer::from(victim.throw(f(10))), Error(10)); // its parent is main, for the time of the kill
        });
        drop(failing(main));
        same(heard().unraisable, 1);
    });
}

fn the_hook_kills_another_that_fails_too() {
    tree(|main| {
        FIRST.set(failing(main));
        ON_UNRAISABLE.set(|_| drop(FIRST.take()));
        drop(failing(main));
        same(heard().unraisable, 2);
    });
}

/// A round ends no greenlet, so there is no further one: it keeps its stack, with the destructor and the exit that it
/// got.
fn a_destructor_throws_into_main_at_the_end_of_the_tree() {
    let kept = tree(|main| {
        // By way of a dead one: a handle to main would stay on that stack, and the tree could not be entered again.
        let to = started(main.spawn(&FOR_EVER, |_, x| Ok(x)).expect("a stack is free"));
        let g = main.spawn(&FOR_EVER, move |me, x| {
            let _local = OnDrop::new(move || drop(to.throw(f(9))));
            me.up(x)
        });
        started(g.expect("a stack is free"))
    });
    let told = heard();
    same((told.unraisable, told.last, told.leaks), (1, Some(Error(9)), 1));
    drop(kept);
}

fn a_destructor_cancels_the_next_and_that_the_next() {
    tree(|main| {
        let mut next = waiting(main);
        for _ in 0..5 {
            let after = next;
            next = ends_with(main, move |_| same(Answer::from(after.cancel()), Value(EXIT)));
        }
        same(Answer::from(next.cancel()), Value(EXIT));
        same(main.kills_in_progress(), 0);
    });
}
