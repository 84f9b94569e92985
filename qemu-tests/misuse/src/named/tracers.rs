//! Tracers that do more than listen.

use super::group;
use crate::answer::Answer::{self, Error, Value};
use crate::atomic::{AtomicU32, Ordering::Relaxed};
use crate::single::Single;
use crate::values::{Fault, Handle, f, v};
use crate::verdict::{holds, same};
use crate::world::{EXIT, FIRST, SECOND, STACKS, heard, refuses_once, spawn, started, tree, waiting, waits};
use greenlet::{Event, State};

group! { "tracers":
    one_that_fails_is_removed,
    one_that_fails_at_a_start,
    one_that_fails_at_an_exit,
    one_that_fails_at_a_death,
    one_that_fails_inside_a_kill,
    one_that_removes_itself,
    one_that_sets_another,
    one_that_spawns_and_starts,
    one_that_switches_away_and_is_switched_back_to,
    one_that_drops_another_greenlet,
    one_that_drops_a_handle_to_the_origin,
    one_that_keeps_the_origin,
    one_that_kills_the_origin,
    one_that_kills_the_target,
    one_that_moves_the_target,
    one_that_is_left_behind_at_the_end_of_the_tree,
    one_that_is_called_with_a_leak,
}

/// What a tracer does: with the origin and the target.
type Act = fn(&Handle, &Handle) -> Result<(), Fault>;

/// What the tracer of a case does, once.
static ACT: Single<Act> = Single::empty();
/// How many transfers it heard of.
static EVENTS: AtomicU32 = AtomicU32::new(0);

fn tracer(_: Event, origin: &Handle, target: &Handle) -> Result<(), Fault> {
    EVENTS.fetch_add(1, Relaxed);
    holds(target.is_current() && !origin.is_ended(), "the target runs, the origin exists");
    ACT.take().map_or(Ok(()), |act| act(origin, target))
}

/// Sets the tracer; it acts at the first transfer from now on.
fn acts(main: &Handle, act: Act) {
    ACT.set(act);
    EVENTS.store(0, Relaxed);
    holds(main.set_trace(Some(&tracer)).is_none(), "no tracer was set before");
}

/// Removes the tracer, which must have heard of so many transfers.
fn heard_of(main: &Handle, events: u32) {
    holds(main.set_trace(None).is_some(), "it is still there");
    same((EVENTS.load(Relaxed), ACT.take().is_none()), (events, true));
}

fn one_that_fails_is_removed() {
    tree(|main| {
        let g = waiting(main);
        acts(main, |_, _| Err(f(9)));
        same(Answer::from(g.switch(v(7))), Error(9)); // in place of the value, into the greenlet, which dies of it
        same((g.state(), main.trace().is_none(), EVENTS.load(Relaxed)), (State::Dead, true, 1));
    });
}

fn one_that_fails_at_a_start() {
    tree(|main| {
        let g = spawn(main, waits());
        acts(main, |_, _| Err(f(9)));
        same((Answer::from(g.switch(v(7))), g.state()), (Error(9), State::Dead));
    });
}

fn one_that_fails_at_an_exit() {
    tree(|main| {
        let g = waiting(main);
        acts(main, |_, _| Err(f(9)));
        same((Answer::from(g.cancel()), g.state()), (Error(9), State::Dead));
    });
}

fn one_that_fails_at_a_death() {
    tree(|main| {
        let g = waiting(main);
        acts(main, |_, _| {
            ACT.set(|origin, _| {
                same(origin.state(), State::Dead);
                Err(f(9))
            });
            Ok(())
        });
        same((Answer::from(g.switch(v(7))), main.trace().is_none()), (Error(9), true));
    });
}

fn one_that_fails_inside_a_kill() {
    tree(|main| {
        let g = waiting(main);
        acts(main, |_, _| Err(f(9)));
        drop(g);
        let told = heard();
        same((told.unraisable, told.last, told.leaks), (1, Some(Error(9)), 0));
    });
}

fn one_that_removes_itself() {
    tree(|main| {
        let g = waiting(main);
        acts(main, |origin, _| {
            holds(origin.set_trace(None).is_some(), "it is there");
            Ok(())
        });
        same((Answer::from(g.switch(v(7))), EVENTS.load(Relaxed), main.trace().is_none()), (Value(7), 1, true));
    });
}

fn one_that_sets_another() {
    fn other(_: Event, _: &Handle, _: &Handle) -> Result<(), Fault> {
        Err(f(10))
    }
    tree(|main| {
        let g = waiting(main);
        acts(main, |origin, _| {
            holds(origin.set_trace(Some(&other)).is_some(), "the first is there");
            Ok(())
        });
        same((Answer::from(g.switch(v(7))), main.trace().is_none()), (Error(10), true)); // the other one is called with the death
    });
}

fn one_that_spawns_and_starts() {
    tree(|main| {
        let g = waiting(main);
        acts(main, |_, target| {
            same(Answer::from(spawn(target, waits()).switch(v(2))), Value(2));
            Ok(())
        });
        same(Answer::from(g.switch(v(7))), Value(7));
        // There and back; into the new one, back, its exit, and its death.
        heard_of(main, 6);
    });
}

/// What was on its way waits in the tracer, until a switch back.
fn one_that_switches_away_and_is_switched_back_to() {
    tree(|main| {
        let g = waiting(main);
        acts(main, |origin, _| {
            same(Answer::from(origin.switch(v(4))), Value(5));
            Ok(())
        });
        same((Answer::from(g.switch(v(7))), g.state()), (Value(4), State::Suspended));
        same((Answer::from(g.switch(v(5))), g.state()), (Value(7), State::Dead));
        heard_of(main, 4);
    });
}

fn one_that_drops_another_greenlet() {
    tree(|main| {
        let g = waiting(main);
        FIRST.set(waiting(main));
        acts(main, |_, _| {
            drop(FIRST.take());
            Ok(())
        });
        same(Answer::from(g.switch(v(7))), Value(7));
        heard_of(main, 4);
    });
}

fn one_that_drops_a_handle_to_the_origin() {
    tree(|main| {
        let parent = waiting(main);
        let (child, weak) = (spawn(&parent, |_, x| Ok(x)), parent.downgrade());
        FIRST.set(parent);
        acts(main, |_, _| {
            ACT.set(|_, _| {
                ACT.set(|origin, _| {
                    drop(FIRST.take());
                    same((origin.state(), origin.references()), (State::Dead, 2)); // the transfer's own, the child's
                    Ok(())
                });
                Ok(())
            });
            Ok(())
        });
        same(Answer::from(child.switch(v(7))), Value(7)); // child, parent, main
        same(weak.upgrade().map(|parent| parent.references()), Some(2));
        drop(child);
        holds(weak.upgrade().is_none(), "its child went, too");
        heard_of(main, 3);
    });
}

fn one_that_keeps_the_origin() {
    tree(|main| {
        let g = spawn(main, |_, x| Ok(x));
        acts(main, |_, _| {
            ACT.set(|origin, _| {
                FIRST.set(origin.clone());
                Ok(())
            });
            Ok(())
        });
        same(Answer::from(g.switch(v(7))), Value(7));
        drop(g);
        heard_of(main, 2);
        same(FIRST.take().map(|kept| (kept.state(), kept.references())), Some((State::Dead, 1)));
    });
}

/// The origin waits for what the target sends; an exit comes instead.
fn one_that_kills_the_origin() {
    tree(|main| {
        let target = waiting(main);
        let origin = spawn(main, move |_, x| target.switch(x));
        acts(main, |_, _| {
            ACT.set(|origin, _| {
                same((Answer::from(origin.cancel()), origin.state()), (Value(EXIT), State::Dead));
                Ok(())
            });
            Ok(())
        });
        // The target continues with what it was sent, and ends in main.
        same((Answer::from(origin.switch(v(7))), origin.state()), (Value(7), State::Dead));
        heard_of(main, 5);
    });
}

fn one_that_kills_the_target() {
    tree(|main| {
        let g = waiting(main);
        acts(main, |_, target| {
            same(Answer::from(target.cancel()), Answer::Refused(greenlet::Refusal::Cycle));
            same(Answer::from(target.kill()), Answer::Exit(EXIT)); // it runs already
            Ok(())
        });
        same(Answer::from(g.switch(v(7))), Value(7));
        heard_of(main, 3);
    });
}

fn one_that_moves_the_target() {
    tree(|main| {
        let (g, other) = (waiting(main), waiting(main));
        SECOND.set(other.clone());
        acts(main, |_, target| {
            same(SECOND.take().map(|other| target.set_parent(&other)), Some(Ok(())));
            Ok(())
        });
        same(Answer::from(g.switch(v(7))), Value(7)); // by way of the other one
        same((g.state(), other.state()), (State::Dead, State::Dead));
        heard_of(main, 3);
    });
}

fn one_that_is_left_behind_at_the_end_of_the_tree() {
    let kept = tree(|main| {
        acts(main, |_, _| Ok(()));
        waiting(main)
    });
    holds(kept.trace().is_none(), "it is gone");
    tree(|main| holds(main.trace().is_none(), "it is gone"));
}

fn one_that_is_called_with_a_leak() {
    tree(|main| {
        let g = started(spawn(main, refuses_once()));
        acts(main, |_, _| Ok(()));
        drop(g);
        same(heard().leaks, 1);
        heard_of(main, 2);
        holds(STACKS.free() < STACKS.count(), "it keeps its stack until the tree ends");
    });
}
