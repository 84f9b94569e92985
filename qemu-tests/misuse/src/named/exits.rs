//! Exit functions that do more than make a value: they run before a kill, in the killer.

use super::group;
use crate::answer::Answer::{self, Refused, Value};
use crate::single::Single;
use crate::values::{Handle, Weak, v};
use crate::verdict::{holds, same};
use crate::world::{EXIT, FIRST, ON_EXIT, SECOND, spawn, tree, waiting, waits};
use greenlet::{Refusal, State};

group! { "hooks":
    the_exit_hook_spawns_and_starts,
    the_exit_hook_drops_another,
    the_exit_hook_ends_the_one_that_is_cancelled,
    the_exit_hook_ends_the_one_that_is_killed,
    the_exit_hook_ends_the_one_that_is_lost,
    the_exit_hook_keeps_the_one_that_is_lost,
    the_exit_hook_looks_at_the_one_that_is_lost,
    the_exit_hook_makes_the_victim_a_parent_of_the_caller,
    the_exit_hook_moves_the_victim_below_another,
    the_exit_hook_requests_a_remote_kill,
    the_exit_hook_spawns_at_the_end_of_the_tree,
}

fn the_exit_hook_spawns_and_starts() {
    tree(|main| {
        let g = waiting(main);
        ON_EXIT.set(|| {
            let main = FIRST.take().expect("main");
            same(Answer::from(spawn(&main, waits()).switch(v(1))), Value(1));
        });
        FIRST.set(main.handle());
        same((Answer::from(g.kill()), g.state()), (Value(EXIT), State::Dead));
    });
}

fn the_exit_hook_drops_another() {
    tree(|main| {
        let (g, other) = (waiting(main), waiting(main));
        let weak = other.downgrade();
        FIRST.set(other);
        ON_EXIT.set(|| drop(FIRST.take()));
        drop(g);
        holds(weak.upgrade().is_none(), "a kill before a kill");
        same(main.kills_in_progress(), 0);
    });
}

/// A greenlet that waits, which the exit hook will end by a 7.
fn to_be_ended(main: &Handle) -> Handle {
    let g = waiting(main);
    FIRST.set(g.clone());
    ON_EXIT.set(|| {
        let g = FIRST.take().expect("the victim");
        same((Answer::from(g.switch(v(7))), g.state()), (Value(7), State::Dead));
    });
    g
}

fn the_exit_hook_ends_the_one_that_is_cancelled() {
    tree(|main| same(Answer::from(to_be_ended(main).cancel()), Value(EXIT)));
}

fn the_exit_hook_ends_the_one_that_is_killed() {
    tree(|main| same(Answer::from(to_be_ended(main).kill()), Value(EXIT)));
}

static WEAK: Single<Weak> = Single::empty();

/// Loses a greenlet that waits, with `act` for the exit hook, which finds it in [`WEAK`]. Whether it is freed then.
fn lose(main: &Handle, act: fn()) -> bool {
    let g = waiting(main);
    let weak = g.downgrade();
    WEAK.set(weak.clone());
    ON_EXIT.set(act);
    drop(g);
    weak.upgrade().is_none()
}

/// The one that is about to be killed, as the exit hook finds it.
fn victim() -> Handle {
    WEAK.take().and_then(|weak| weak.upgrade()).expect("it exists")
}

fn the_exit_hook_ends_the_one_that_is_lost() {
    tree(|main| {
        let freed = lose(main, || same(Answer::from(victim().switch(v(7))), Value(7)));
        holds(freed, "it is dead, and has no reference");
    });
}

fn the_exit_hook_keeps_the_one_that_is_lost() {
    tree(|main| {
        holds(!lose(main, || FIRST.set(victim())), "it is not lost");
        let kept = FIRST.take().expect("kept");
        same((kept.state(), kept.references()), (State::Suspended, 1));
        same(Answer::from(kept.switch(v(7))), Value(7));
    });
}

fn the_exit_hook_looks_at_the_one_that_is_lost() {
    tree(|main| holds(lose(main, || same(victim().state(), State::Suspended)), "it was killed, once"));
}

fn the_exit_hook_makes_the_victim_a_parent_of_the_caller() {
    tree(|main| {
        let g = waiting(main);
        let (to_hook, weak) = (g.clone(), g.downgrade());
        FIRST.set(to_hook);
        ON_EXIT.set(|| {
            let g = FIRST.take().expect("the victim");
            same(g.current().expect("the caller").set_parent(&g), Ok(()));
        });
        let caller = spawn(main, move |me, x| {
            same(Answer::from(g.cancel()), Refused(Refusal::Cycle));
            same(me.parent(), g);
            same(me.set_parent(&me.parent().parent().expect("main")), Ok(()));
            Ok(x)
        });
        same(Answer::from(caller.switch(v(7))), Value(7));
        holds(weak.upgrade().is_none(), "its caller let go of it");
    });
}

fn the_exit_hook_moves_the_victim_below_another() {
    tree(|main| {
        let other = waiting(main);
        SECOND.set(other.clone());
        let g = waiting(main);
        FIRST.set(g.clone());
        ON_EXIT.set(|| {
            let (g, other) = (FIRST.take().expect("the victim"), SECOND.take().expect("the other"));
            same(g.set_parent(&other), Ok(()));
        });
        same(Answer::from(g.cancel()), Value(EXIT));
        same((g.parent(), other.state()), (Some(other.clone()), State::Suspended));
    });
}

fn the_exit_hook_requests_a_remote_kill() {
    tree(|main| {
        let (g, other) = (waiting(main), waiting(main));
        FIRST.set(other.clone());
        ON_EXIT.set(|| holds(FIRST.take().expect("the other").remote().kill().is_ok(), "it exists"));
        same(Answer::from(g.kill()), Value(EXIT));
        same((other.state(), main.attend()), (State::Dead, 0)); // settled on the way
    });
}

fn the_exit_hook_spawns_at_the_end_of_the_tree() {
    tree(|main| {
        FIRST.set(waiting(main));
        ON_EXIT.set(|| {
            let old = FIRST.take().expect("the one that is left");
            let main = old.parent().expect("main");
            SECOND.set(waiting(&main));
        });
    });
    holds(SECOND.take().is_some_and(|new| new.is_dead()), "the next round ended it");
}
