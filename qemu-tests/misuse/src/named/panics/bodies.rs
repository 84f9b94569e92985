//! Bodies that panic, and main.

use super::{blow, blows, bomb, group};
use crate::answer::Answer::{self, Value as Got};
use crate::values::{Handle, Out, f, v};
use crate::verdict::{holds, same};
use crate::world::{FIRST, STACKS, spawn, tree, waiting, waits};
use greenlet::{Event, State};

group! { "panics":
    a_body_when_it_starts,
    a_body_when_it_continues,
    a_body_that_is_killed,
    a_body_that_is_cancelled,
    a_body_that_is_lost,
    a_body_that_is_killed_from_elsewhere,
    a_body_whose_parents_are_ended_by_it,
    a_body_whose_parent_has_no_body,
    a_body_whose_parent_waits_in_up,
    a_body_whose_parent_waits_in_up_and_is_given_another,
    a_body_at_the_end_of_the_tree,
    main,
    main_and_a_body,
}

fn a_body_when_it_starts() {
    tree(|main| {
        let g = spawn(main, |_, x| {
            blow();
            Ok(x)
        });
        blows(|| drop(g.switch(v(1))));
        same((g.state(), main.state()), (State::Dead, State::Running));
    });
}

fn a_body_when_it_continues() {
    tree(|main| {
        let acts: [fn(&Handle) -> Out; 3] = [|g| g.switch(v(7)), |g| g.throw(f(8)), |g| g.switch(v(7))];
        for act in acts {
            let g = bomb(main);
            blows(|| drop(act(&g)));
            same((g.state(), Answer::from(g.switch(v(7)))), (State::Dead, Got(7)));
        }
    });
}

fn a_body_that_is_killed() {
    tree(|main| {
        let g = bomb(main);
        blows(|| drop(g.kill()));
        same(g.state(), State::Dead);
    });
}

fn a_body_that_is_cancelled() {
    tree(|main| {
        let (g, parent) = (bomb(main), waiting(main));
        same(g.set_parent(&parent), Ok(()));
        blows(|| drop(g.cancel()));
        same((g.state(), g.parent(), main.kills_in_progress()), (State::Dead, Some(parent), 0));
    });
}

fn a_body_that_is_lost() {
    tree(|main| {
        let g = bomb(main);
        let weak = g.downgrade();
        blows(|| drop(g));
        same((weak.upgrade(), main.kills_in_progress()), (None, 0));
    });
}

fn a_body_that_is_killed_from_elsewhere() {
    tree(|main| {
        let (g, other) = (bomb(main), waiting(main));
        holds(g.remote().kill().is_ok() && other.remote().kill().is_ok(), "they exist");
        blows(|| _ = main.attend());
        same((g.state(), other.state()), (State::Dead, State::Suspended));
        same((main.attend(), other.state(), main.kills_in_progress()), (1, State::Dead, 0));
    });
}

fn a_body_whose_parents_are_ended_by_it() {
    tree(|main| {
        let top = spawn(main, waits());
        let g = spawn(&top, |me, x| {
            let below = spawn(me, |_, x| {
                blow();
                Ok(x)
            });
            below.switch(x)
        });
        blows(|| drop(g.switch(v(1))));
        same((g.state(), top.state()), (State::Dead, State::Dead));
    });
}

fn a_body_whose_parent_has_no_body() {
    tree(|main| {
        let bare = main.bare(&STACKS).expect("a stack is free");
        let g = spawn(&bare, |_, x| {
            blow();
            Ok(x)
        });
        same(Answer::from(g.switch(v(1))), Answer::NoRun);
    });
}

/// Starts a child of the current greenlet, which waits in `up` meanwhile; the child panics when it is resumed.
fn below(me: &Handle) {
    FIRST.set(bomb(me));
}

/// It left by the slow path, which refers to main until it is back.
fn a_body_whose_parent_waits_in_up() {
    tree(|main| {
        let g = spawn(main, |me, x| {
            below(me);
            same(me.set_trace(Some(&|_: Event, _: &Handle, _: &Handle| Ok(()))).is_some(), false);
            me.up(x)
        });
        drop(g.switch(v(1)));
        holds(main.set_trace(None).is_some(), "it was traced");
        let bomb = FIRST.take().expect("made");
        blows(|| drop(bomb.switch(v(7))));
        same((g.state(), main.references()), (State::Dead, 2));
    });
}

/// It left by the fast path, and its parent was changed since.
fn a_body_whose_parent_waits_in_up_and_is_given_another() {
    tree(|main| {
        let (old, new) = (waiting(main), waiting(main));
        let g = spawn(&old, |me, x| {
            below(me);
            me.parent().parent().expect("main").switch(x)?;
            me.up(v(2)) // the old parent ends with it
        });
        drop(g.switch(v(1)));
        same(Answer::from(g.switch(v(1))), Got(2));
        same(g.set_parent(&new), Ok(()));
        same(old.references(), 2);
        let bomb = FIRST.take().expect("made");
        blows(|| drop(bomb.switch(v(7))));
        same((old.references(), new.state(), g.state()), (1, State::Dead, State::Dead));
    });
}

fn a_body_at_the_end_of_the_tree() {
    let mut kept = None;
    blows(|| tree(|main| kept = Some([waiting(main), bomb(main), waiting(main)])));
    holds(kept.is_some_and(|all| all.iter().all(Handle::is_dead)), "all were ended");
}

fn main() {
    let mut kept = None;
    blows(|| {
        tree(|main| {
            kept = Some([waiting(main), spawn(main, waits())]);
            blow();
        });
    });
    holds(kept.is_some_and(|all| all.iter().all(Handle::is_dead)), "all were ended");
}

fn main_and_a_body() {
    let mut kept = None;
    blows(|| {
        tree(|main| {
            kept = Some([bomb(main), waiting(main)]);
            blow();
        });
    });
    holds(kept.is_some_and(|all| all.iter().all(Handle::is_dead)), "all were ended");
}
