//! Handles that are kept longer than their tree, or their greenlet.

use super::group;
use crate::answer::Answer::{self, Back, Refused};
use crate::single::Single;
use crate::values::{Handle, Main, Me, OnDrop, Out, Token, Value, alive, f, v};
use crate::verdict::{holds, same};
use crate::world::{
    CONTEXTS, FIRST, FOR_EVER, LOCALS, SINGLE, STACKS, heard, never_ends, other_tree, spawn, started, tree, waiting,
    waits,
};
use greenlet::{Context, ParentError, Refusal, RemoteGreenlet, RunError, SpawnError, State};

group! { "kept":
    one_without_a_body,
    one_that_was_never_started,
    one_that_was_ended,
    one_that_was_dead,
    one_that_never_ended keeps(1, 1),
    a_body_that_was_never_started_is_dropped_with_its_tree,
    a_child_and_its_parent,
    one_by_a_body_of_another_tree,
    one_by_a_body_of_the_next_run,
    one_dropped_in_another_tree,
    one_dropped_in_the_next_run,
    one_switched_to_by_a_destructor_after_the_tree,
    a_weak_handle_past_the_greenlet,
    a_weak_handle_past_the_tree,
    a_remote_handle_past_the_greenlet,
    a_remote_handle_past_the_tree,
    a_remote_handle_to_a_stack_that_another_has,
    a_context_past_the_greenlet,
    a_context_past_the_tree,
    a_local_value_past_the_tree,
    a_remote_kill_that_was_not_settled,
    a_wake_that_was_not_taken,
    a_kill_in_progress_of_another_tree_is_not_its_own,
}

/// Everything that moves control, makes something, or changes a greenlet is refused by an inert handle, in no tree, in
/// another one, and in the next run of its own.
fn inert(make: fn(&Main) -> Handle) -> Handle {
    let kept = tree(make);
    refuses(&kept, None);
    other_tree(|main| refuses(&kept, Some(main)));
    tree(|main| refuses(&kept, Some(main)));
    kept
}

fn refuses(kept: &Handle, main: Option<&Main>) {
    same(Answer::from(kept.switch(v(7))), Back(Refusal::Ended, 7));
    same(Answer::from(kept.throw(f(8))), Back(Refusal::Ended, 8));
    same(Answer::from(kept.kill_with(v(9))), Back(Refusal::Ended, 9));
    same([kept.kill(), kept.cancel()].map(Answer::from), [Refused(Refusal::Ended); 2]);
    same((kept.state(), kept.is_ended(), kept.stack()), (State::Dead, true, None));
    same(kept.bare(&STACKS).err(), Some(SpawnError::Ended));
    let token = Token::new();
    let refused = kept.set_run(move |_, x| {
        drop(token);
        Ok(x)
    });
    same(refused.map_err(|refused| refused.reason), Err(RunError::Ended));
    same(kept.set_parent(main.map_or(kept, |main| main)), Err(ParentError::Ended));
    holds(kept.parent().is_none() && kept.current().is_none() && kept.woken().is_none(), "it has no tree");
    same((kept.attend(), kept.kills_in_progress()), (0, 0));
    holds(kept.remote().kill().is_err() && kept.remote().wake().is_err(), "no request is accepted");
    if let Some(main) = main {
        holds(main.is_current(), "control is where it was");
        same(main.bare(&STACKS).expect("a stack is free").set_parent(kept), Err(ParentError::Ended));
    }
}

fn one_without_a_body() {
    drop(inert(|main| main.bare(&STACKS).expect("a stack is free")));
}

fn one_that_was_never_started() {
    drop(inert(|main| spawn(main, waits())));
}

fn one_that_was_ended() {
    drop(inert(|main| waiting(main)));
}

fn one_that_was_dead() {
    drop(inert(|main| started(spawn(main, |_, x| Ok(x)))));
}

fn one_that_never_ended() {
    let kept = inert(|main| started(main.spawn(&FOR_EVER, never_ends()).expect("a stack is free")));
    same((heard().leaks, kept.references()), (1, 2));
}

fn a_body_that_was_never_started_is_dropped_with_its_tree() {
    let before = alive();
    let kept = tree(|main| spawn(main, waits()));
    same(alive(), before);
    drop(kept);
}

fn a_child_and_its_parent() {
    let (parent, child) = tree(|main| {
        let parent = waiting(main);
        let child = spawn(&parent, waits());
        (parent, child)
    });
    same((parent.references(), child.references()), (1, 1));
    holds(child.parent().is_none(), "they have no parent");
    drop(parent);
    same(Answer::from(child.switch(v(7))), Back(Refusal::Ended, 7));
}

/// A body that tries to switch to the handle that it has kept.
fn tries(kept: Handle) -> impl FnOnce(&Me, Value) -> Out {
    move |me, x| {
        same(Answer::from(kept.switch(v(7))), Back(Refusal::Ended, 7));
        same(Answer::from(kept.cancel()), Refused(Refusal::Ended));
        holds(me.is_current(), "control is where it was");
        same(me.set_parent(&kept), Err(ParentError::Ended));
        Ok(x)
    }
}

fn one_by_a_body_of_another_tree() {
    let kept = tree(|main| waiting(main));
    other_tree(|main| same(Answer::from(spawn(main, tries(kept)).switch(v(1))), Answer::Value(1)));
}

fn one_by_a_body_of_the_next_run() {
    let kept = tree(|main| spawn(main, waits()));
    tree(|main| same(Answer::from(spawn(main, tries(kept)).switch(v(1))), Answer::Value(1)));
}

fn one_dropped_in_another_tree() {
    let kept = tree(|main| [spawn(main, waits()), waiting(main)]);
    other_tree(|main| {
        let mine = waiting(main);
        drop(kept);
        same((mine.state(), main.kills_in_progress()), (State::Suspended, 0));
    });
}

fn one_dropped_in_the_next_run() {
    let kept = tree(|main| [spawn(main, waits()), waiting(main)]);
    tree(|main| {
        let mine = waiting(main);
        drop(kept);
        let mut listed = 0;
        main.for_each(|_| listed += 1);
        same((mine.state(), listed), (State::Suspended, 2));
    });
}

fn one_switched_to_by_a_destructor_after_the_tree() {
    let kept = tree(|main| {
        let other = waiting(main);
        other.set_context(None::<Context<Value>>);
        let late = OnDrop::new(move || same(Answer::from(other.switch(v(7))), Back(Refusal::Ended, 7)));
        (late, waiting(main))
    });
    drop(kept);
}

fn a_weak_handle_past_the_greenlet() {
    tree(|main| {
        let weak = waiting(main).downgrade();
        holds(weak.upgrade().is_none() && weak.clone().upgrade().is_none(), "it is gone");
    });
}

fn a_weak_handle_past_the_tree() {
    let (kept, weak) = tree(|main| {
        let kept = waiting(main);
        let weak = kept.downgrade();
        (kept, weak)
    });
    same(weak.upgrade().map(|inert| inert.is_ended()), Some(true)); // as long as a handle keeps it
    drop(kept);
    holds(weak.upgrade().is_none(), "it is gone");
}

fn gone(remote: RemoteGreenlet) {
    holds(remote.kill().is_err() && remote.wake().is_err(), "it is gone");
}

fn a_remote_handle_past_the_greenlet() {
    tree(|main| {
        let remote = waiting(main).remote();
        gone(remote);
        same(main.attend(), 0);
    });
}

fn a_remote_handle_past_the_tree() {
    let (remote, main, kept) = tree(|main| {
        let kept = waiting(main);
        (kept.remote(), main.remote(), kept)
    });
    gone(remote);
    gone(main);
    tree(|main| {
        gone(remote);
        holds(main.woken().is_none(), "no wake is pending");
    });
    drop(kept);
    gone(remote);
}

fn a_remote_handle_to_a_stack_that_another_has() {
    tree(|main| {
        let remote = main.spawn(&SINGLE, waits()).expect("a stack is free").remote();
        let next = started(main.spawn(&SINGLE, waits()).expect("it is free again"));
        gone(remote);
        same((main.attend(), next.state()), (0, State::Suspended));
    });
}

fn a_context_past_the_greenlet() {
    tree(|main| {
        let g = waiting(main);
        g.set_context(CONTEXTS.create(v(4)).ok());
        let context = g.context::<Value>().expect("it has one");
        drop(g);
        same(context.number, 4);
    });
}

fn a_context_past_the_tree() {
    let context = tree(|main| {
        main.set_context(CONTEXTS.create(v(4)).ok());
        main.context::<Value>().expect("it has one")
    });
    same(context.number, 4);
    other_tree(|main| main.set_context(Some(context)));
}

fn a_local_value_past_the_tree() {
    let kept = tree(|main| {
        let kept = waiting(main);
        same(LOCALS.with(&kept, |value| value.number), Ok(5));
        kept
    });
    let before = alive();
    same(LOCALS.with(&kept, |value| value.number), Ok(5));
    same(alive(), before);
    drop(kept);
    same(alive(), before - 1);
}

fn a_remote_kill_that_was_not_settled() {
    tree(|main| {
        FIRST.set(waiting(main));
        holds(FIRST.with(|g| g.remote().kill().is_ok()) == Some(true), "it exists");
    });
    drop(FIRST.take());
    tree(|main| same(main.attend(), 0));
}

fn a_wake_that_was_not_taken() {
    tree(|main| {
        FIRST.set(waiting(main));
        holds(FIRST.with(|g| g.remote().wake().is_ok()) == Some(true), "it exists");
        holds(main.remote().wake().is_ok(), "main exists");
    });
    tree(|main| holds(main.woken().is_none(), "not of this run"));
    drop(FIRST.take());
}

fn a_kill_in_progress_of_another_tree_is_not_its_own() {
    static KEPT: Single<Handle> = Single::empty();
    KEPT.set(tree(|main| waiting(main)));
    other_tree(|main| {
        drop(started(spawn(main, |me, x| {
            let asked = me.up(x);
            same((me.kills_in_progress(), KEPT.with(Handle::kills_in_progress)), (1, Some(0)));
            asked
        })));
    });
    drop(KEPT.take());
}
