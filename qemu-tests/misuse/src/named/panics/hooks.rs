//! Hooks, tracers and visitors that panic.

use super::{blow, blows, group};
use crate::answer::Answer::{self, Value as Got};
use crate::single::Single;
use crate::values::{Fault, Handle, Value, Weak, v};
use crate::verdict::{holds, same};
use crate::world::{
    EXIT, FIRST, LOCALS, ON_EXIT, ON_LEAK, ON_UNRAISABLE, heard, refuses_once, spawn, started, tree, waiting, waits,
};
use greenlet::{Event, GreenletLocal, State};

group! { "panics":
    the_exit_hook_in_a_kill,
    the_exit_hook_in_a_cancel,
    the_exit_hook_when_one_is_lost,
    the_exit_hook_in_a_remote_kill,
    the_exit_hook_at_the_end_of_the_tree,
    the_unraisable_hook_when_one_is_lost,
    the_unraisable_hook_in_a_remote_kill,
    the_unraisable_hook_at_the_end_of_the_tree,
    the_leak_hook_when_one_is_lost,
    the_leak_hook_that_ended_it,
    a_tracer_at_a_switch,
    a_tracer_at_a_switch_to_oneself,
    a_tracer_at_a_start,
    a_tracer_at_a_death,
    a_tracer_in_a_kill,
    what_makes_a_local_value,
    what_looks_at_a_local_value,
    a_visitor,
}

fn the_exit_hook_in_a_kill() {
    tree(|main| {
        let g = waiting(main);
        ON_EXIT.set(blow);
        blows(|| drop(g.kill()));
        same((g.state(), Answer::from(g.kill())), (State::Suspended, Got(EXIT)));
    });
}

fn the_exit_hook_in_a_cancel() {
    tree(|main| {
        let g = waiting(main);
        ON_EXIT.set(blow);
        blows(|| drop(g.cancel()));
        same((g.state(), main.kills_in_progress()), (State::Suspended, 0));
        same(Answer::from(g.cancel()), Got(EXIT));
    });
}

/// It could not be asked, and is leaked by that. The end of the tree asks it.
fn the_exit_hook_when_one_is_lost() {
    let weak: Weak = tree(|main| {
        let g = waiting(main);
        let weak = g.downgrade();
        ON_EXIT.set(blow);
        blows(|| drop(g));
        same((heard().leaks, main.kills_in_progress()), (1, 0));
        same(weak.upgrade().map(|leaked| (leaked.state(), leaked.references())), Some((State::Suspended, 2)));
        weak
    });
    holds(weak.upgrade().is_none(), "the end of the tree ended it");
}

fn the_exit_hook_in_a_remote_kill() {
    tree(|main| {
        let g = waiting(main);
        holds(g.remote().kill().is_ok(), "it exists");
        ON_EXIT.set(blow);
        blows(|| _ = main.attend());
        same((g.state(), main.kills_in_progress()), (State::Suspended, 0));
        same((main.attend(), g.state()), (1, State::Dead));
    });
}

fn the_exit_hook_at_the_end_of_the_tree() {
    let mut kept = None;
    blows(|| {
        tree(|main| {
            kept = Some([waiting(main), waiting(main)]);
            ON_EXIT.set(blow);
        });
    });
    holds(kept.is_some_and(|all| all.iter().all(Handle::is_dead)), "all were ended");
}

/// A child of main that waits, and fails when it is asked to exit.
fn failing(main: &Handle) -> Handle {
    started(spawn(main, |me, x| me.up(x).or_else(|_| crate::values::fails(9))))
}

fn the_unraisable_hook_when_one_is_lost() {
    tree(|main| {
        let g = failing(main);
        let (weak, parent) = (g.downgrade(), waiting(main));
        same(g.set_parent(&parent), Ok(()));
        ON_UNRAISABLE.set(|_| blow());
        blows(|| drop(g));
        same((heard().unraisable, main.kills_in_progress()), (1, 0));
        same((weak.upgrade(), parent.references(), main.references()), (None, 1, 2));
    });
}

fn the_unraisable_hook_in_a_remote_kill() {
    tree(|main| {
        let (g, other) = (failing(main), waiting(main));
        holds(g.remote().kill().is_ok() && other.remote().kill().is_ok(), "they exist");
        ON_UNRAISABLE.set(|_| blow());
        blows(|| _ = main.attend());
        same((heard().unraisable, main.kills_in_progress(), g.state()), (1, 0, State::Dead));
        same((main.attend(), other.state()), (1, State::Dead));
    });
}

fn the_unraisable_hook_at_the_end_of_the_tree() {
    let mut kept = None;
    blows(|| {
        tree(|main| {
            kept = Some([failing(main), waiting(main)]);
            ON_UNRAISABLE.set(|_| blow());
        });
    });
    same(heard().unraisable, 1);
    holds(kept.is_some_and(|all| all.iter().all(Handle::is_dead)), "all were ended");
}

fn the_leak_hook_when_one_is_lost() {
    tree(|main| {
        let g = started(spawn(main, refuses_once()));
        let weak = g.downgrade();
        ON_LEAK.set(|_| blow());
        blows(|| drop(g));
        same((heard().leaks, weak.upgrade().map(|leaked| leaked.references())), (1, Some(2)));
    });
}

fn the_leak_hook_that_ended_it() {
    tree(|main| {
        let g = started(spawn(main, refuses_once()));
        let weak = g.downgrade();
        ON_LEAK.set(|g| {
            same(Answer::from(g.switch(v(7))), Got(7));
            blow();
        });
        blows(|| drop(g));
        same((heard().leaks, weak.upgrade()), (1, None));
    });
}

static ACT: Single<fn()> = Single::empty();

/// Panics at the transfer after `quiet` others.
fn trace(main: &Handle, quiet: u32) {
    static QUIET: Single<u32> = Single::empty();
    fn tracer(_: Event, _: &Handle, _: &Handle) -> Result<(), Fault> {
        match QUIET.take() {
            Some(0) => ACT.take().map_or((), |act| act()),
            Some(left) => QUIET.set(left - 1),
            None => {}
        }
        Ok(())
    }
    QUIET.set(quiet);
    ACT.set(blow);
    holds(main.set_trace(Some(&tracer)).is_none(), "no tracer is set yet");
}

/// It panics in the target, which dies of it; its parent is main.
fn a_tracer_at_a_switch() {
    tree(|main| {
        let g = waiting(main);
        trace(main, 0);
        blows(|| drop(g.switch(v(7))));
        same((g.state(), main.references()), (State::Dead, 2));
        holds(main.set_trace(None).is_none(), "a panic removes it, as an error does");
    });
}

fn a_tracer_at_a_switch_to_oneself() {
    tree(|main| {
        trace(main, 0);
        blows(|| drop(main.switch(v(7))));
        same(main.references(), 1);
        holds(main.set_trace(None).is_none(), "a panic removes it, as an error does");
    });
}

fn a_tracer_at_a_start() {
    tree(|main| {
        let g = spawn(main, waits());
        trace(main, 0);
        blows(|| drop(g.switch(v(7))));
        same((g.state(), main.references()), (State::Dead, 2));
        holds(main.set_trace(None).is_none(), "a panic removes it, as an error does");
    });
}

fn a_tracer_at_a_death() {
    tree(|main| {
        let g = waiting(main);
        trace(main, 1);
        blows(|| drop(g.switch(v(7))));
        same((g.state(), g.references()), (State::Dead, 1));
        holds(main.set_trace(None).is_none(), "a panic removes it, as an error does");
    });
}

fn a_tracer_in_a_kill() {
    tree(|main| {
        let g = waiting(main);
        let weak = g.downgrade();
        trace(main, 1);
        blows(|| drop(g));
        same((weak.upgrade(), main.kills_in_progress(), main.references()), (None, 0, 1));
        holds(main.set_trace(None).is_none(), "a panic removes it, as an error does");
    });
}

fn what_makes_a_local_value() {
    static LOCAL: GreenletLocal<Value, 1> = GreenletLocal::new(|| {
        if let Some(act) = ACT.take() {
            act();
        }
        v(5)
    });
    tree(|main| {
        ACT.set(blow);
        blows(|| _ = LOCAL.with(main, |value| value.number));
        same(LOCAL.with(main, |value| value.number), Ok(5));
    });
}

fn what_looks_at_a_local_value() {
    tree(|main| {
        blows(|| _ = LOCALS.with(main, |_| blow()));
        same(LOCALS.with(main, |value| value.number), Ok(5));
    });
}

fn a_visitor() {
    tree(|main| {
        FIRST.set(waiting(main));
        let weak = FIRST.with(Handle::downgrade);
        blows(|| {
            main.for_each(|g| {
                if !g.is_main() {
                    drop(FIRST.take());
                    blow();
                }
            });
        });
        same(weak.and_then(|weak| weak.upgrade()), None); // ended when the visit let go of it
    });
}
