//! Hooks for leaks, and for errors that have nowhere to go, that do what they should not.

use super::group;
use crate::answer::Answer::{self, Error, Number, Value};
use crate::values::{Handle, Weak, f, fails, v};
use crate::verdict::{holds, same};
use crate::world::{
    EXIT, FIRST, ON_LEAK, ON_UNRAISABLE, SECOND, STACKS, heard, refuses_once, spawn, started, stubborn, tree, waiting,
    waits,
};
use greenlet::State;

group! { "hooks":
    the_unraisable_hook_spawns_and_starts,
    the_unraisable_hook_drops_another,
    the_unraisable_hook_keeps_the_victim,
    the_unraisable_hook_switches_to_the_victim,
    the_unraisable_hook_kills_the_victim_again,
    the_unraisable_hook_switches_elsewhere,
    the_unraisable_hook_of_a_remote_kill_drops_another,
    the_leak_hook_ends_it_after_all,
    the_leak_hook_keeps_it,
    the_leak_hook_kills_again,
    the_leak_hook_drops_another_that_refuses_too,
    the_leak_hook_moves_it_below_another,
    the_leak_hook_spawns_below_it,
}

/// A child of main that waits, and fails when it is asked to exit.
fn failing(main: &Handle) -> Handle {
    started(spawn(main, |me, x| me.up(x).or_else(|_| fails(9))))
}

/// Loses a greenlet that fails, with `act` for the hook; whether it is freed then.
fn lose_failing(main: &Handle, act: fn(&Handle)) -> bool {
    ON_UNRAISABLE.set(act);
    let g = failing(main);
    let weak = g.downgrade();
    drop(g);
    let told = heard();
    same((told.unraisable, told.last, told.leaks), (1, Some(Error(9)), 0));
    weak.upgrade().is_none()
}

fn the_unraisable_hook_spawns_and_starts() {
    tree(|main| {
        let freed = lose_failing(main, |victim| {
            let me = victim.current().expect("the dropper");
            same((me.is_main(), victim.kills_in_progress()), (true, 1));
            same(Answer::from(spawn(&me, waits()).switch(v(1))), Value(1));
        });
        holds(freed, "it is freed");
    });
}

fn the_unraisable_hook_drops_another() {
    tree(|main| {
        FIRST.set(waiting(main));
        holds(lose_failing(main, |_| drop(FIRST.take())), "it is freed");
    });
}

fn the_unraisable_hook_keeps_the_victim() {
    tree(|main| {
        holds(!lose_failing(main, |victim| FIRST.set(victim.clone())), "a handle exists");
        let kept = FIRST.take().expect("kept");
        same((kept.state(), kept.references(), kept.parent()), (State::Dead, 1, Some(main.handle())));
    });
}

fn the_unraisable_hook_switches_to_the_victim() {
    tree(|main| {
        holds(
            lose_failing(main, |victim| same(Answer::from(victim.switch(v(7))), Value(7))),
            "dead: back to its parent",
        );
    });
}

fn the_unraisable_hook_kills_the_victim_again() {
    tree(|main| {
        let freed = lose_failing(main, |victim| {
            same(Answer::from(victim.kill()), Value(EXIT));
            same(Answer::from(victim.cancel()), Value(EXIT));
            same(Answer::from(victim.throw(f(8))), Error(8));
        });
        holds(freed, "it is freed");
    });
}

/// The dropper waits inside of its hook; what wakes it comes back there.
fn the_unraisable_hook_switches_elsewhere() {
    tree(|main| {
        ON_UNRAISABLE.set(|_| same(Answer::from(FIRST.take().expect("main").switch(v(4))), Value(7)));
        FIRST.set(main.handle());
        let lost = failing(main);
        let dropper = spawn(main, move |me, x| {
            drop(lost);
            same(me.kills_in_progress(), 0);
            Ok(x)
        });
        same(Answer::from(dropper.switch(v(1))), Value(4));
        same((dropper.state(), main.kills_in_progress()), (State::Suspended, 1)); // the hook is part of the kill
        same((Answer::from(dropper.switch(v(7))), heard().unraisable), (Value(1), 1));
    });
}

fn the_unraisable_hook_of_a_remote_kill_drops_another() {
    tree(|main| {
        let g = failing(main);
        FIRST.set(waiting(main));
        ON_UNRAISABLE.set(|_| drop(FIRST.take()));
        holds(g.remote().kill().is_ok(), "it exists");
        same((main.attend(), heard().unraisable, g.state()), (1, 1, State::Dead));
    });
}

/// Loses a greenlet that refuses once, with `act` for the hook.
fn leak(main: &Handle, act: fn(&Handle)) -> Weak {
    let g = started(spawn(main, refuses_once()));
    ON_LEAK.set(act);
    let weak = g.downgrade();
    drop(g);
    weak
}

fn the_leak_hook_ends_it_after_all() {
    tree(|main| {
        let weak = leak(main, |g| {
            same((Answer::from(g.switch(v(7))), g.state()), (Value(7), State::Dead));
            same(g.references(), 1);
        });
        same((weak.upgrade(), heard().leaks), (None, 1));
    });
}

fn the_leak_hook_keeps_it() {
    tree(|main| {
        let _weak = leak(main, |g| FIRST.set(g.clone()));
        let kept = FIRST.take().expect("kept");
        same((kept.references(), heard().leaks), (2, 1)); // the leak's, and this one
        same((Answer::from(kept.kill()), kept.references()), (Value(EXIT), 1));
    });
}

fn the_leak_hook_kills_again() {
    tree(|main| {
        let g = started(spawn(main, stubborn()));
        ON_LEAK.set(|g| {
            same((Answer::from(g.cancel()), Answer::from(g.kill())), (Value(3), Value(3)));
            drop(g.clone());
        });
        let weak = g.downgrade();
        drop(g);
        same(heard().leaks, 1);
        let leaked = weak.upgrade().expect("it is leaked");
        same(Answer::from(leaked.switch(v(7))), Value(7));
    });
}

fn the_leak_hook_drops_another_that_refuses_too() {
    tree(|main| {
        FIRST.set(started(spawn(main, refuses_once())));
        let weak = leak(main, |_| drop(FIRST.take()));
        same(heard().leaks, 2);
        holds(weak.upgrade().is_some(), "both wait for the end of the tree");
    });
}

fn the_leak_hook_moves_it_below_another() {
    tree(|main| {
        let other = waiting(main);
        SECOND.set(other.clone());
        let weak = leak(main, |g| same(g.set_parent(&SECOND.take().expect("the other")), Ok(())));
        same(heard().leaks, 1);
        let leaked = weak.upgrade().expect("it is leaked");
        same(Answer::from(leaked.switch(v(7))), Value(7)); // through the other one, which ends with it
        same((other.state(), Number(other.references())), (State::Dead, Number(2)));
    });
}

fn the_leak_hook_spawns_below_it() {
    tree(|main| {
        let weak = leak(main, |g| FIRST.set(g.bare(&STACKS).expect("a stack is free")));
        same(heard().leaks, 1);
        let child = FIRST.take().expect("made");
        same(child.parent().map(|parent| parent.id()), Some(weak.id()));
        drop(child);
        holds(weak.upgrade().is_some(), "not killed again");
    });
}
