//! Destructors that panic, wherever the kernel drops something of the user's.

use super::{blow, blows, group};
use crate::answer::Answer::{self, Value as Got};
use crate::values::{Handle, LOADED, Main, Me, OnDrop, Out, Value, alive, f, on_drop, v};
use crate::verdict::{holds, same};
use crate::world::{
    CONTEXTS, FIRST, FOR_EVER, LOCALS, ON_LEAK, STACKS, heard, rounds_are_used_up, spawn, started, tree, use_up_rounds,
    waiting, waits,
};
use greenlet::{GreenletLocal, RunError, State};

group! { "panics":
    the_destructor_of_an_unstarted_body_that_is_freed,
    the_destructor_of_an_unstarted_body_whose_parent_is_lost_with_it,
    the_destructor_of_an_unstarted_body_that_is_killed,
    the_destructor_of_an_unstarted_body_at_the_end_of_the_tree,
    the_destructor_of_a_replaced_body,
    the_destructor_of_a_lost_value,
    the_destructor_of_what_a_dying_greenlet_cannot_deliver,
    the_destructor_of_what_a_lost_greenlet_sends,
    the_destructor_of_what_is_sent_at_the_end_of_the_tree,
    the_destructor_of_a_body_that_is_cut_loose keeps(1, 1),
    the_destructor_of_a_context,
    the_destructor_of_a_context_of_one_that_is_freed,
    the_destructor_of_a_local_value,
    the_destructor_of_a_local_value_of_main,
    the_destructors_of_all_local_values,
}

/// A body that must not run, and panics when it is dropped.
fn captured() -> impl FnOnce(&Me, Value) -> Out {
    let captured = OnDrop::new(blow);
    move |_, x| {
        let _captured = captured;
        Ok(x)
    }
}

fn the_destructor_of_an_unstarted_body_that_is_freed() {
    tree(|main| {
        let g = spawn(main, captured());
        let weak = g.downgrade();
        blows(|| drop(g));
        same((weak.upgrade(), STACKS.free(), main.references()), (None, STACKS.count(), 1));
    });
}

fn the_destructor_of_an_unstarted_body_whose_parent_is_lost_with_it() {
    tree(|main| {
        let parent = waiting(main);
        let g = spawn(&parent, captured());
        let weak = parent.downgrade();
        drop(parent);
        blows(|| drop(g));
        same((weak.upgrade(), STACKS.free()), (None, STACKS.count()));
    });
}

fn the_destructor_of_an_unstarted_body_that_is_killed() {
    tree(|main| {
        let g = spawn(main, captured());
        blows(|| drop(g.kill()));
        same(g.state(), State::Dead);
    });
}

fn the_destructor_of_an_unstarted_body_at_the_end_of_the_tree() {
    let mut kept = None;
    blows(|| tree(|main| kept = Some([spawn(main, captured()), waiting(main)])));
    holds(kept.is_some_and(|all| all.iter().all(Handle::is_dead)), "all were ended");
}

fn the_destructor_of_a_replaced_body() {
    tree(|main| {
        let g = spawn(main, captured());
        let before = alive();
        blows(|| drop(g.set_run(waits())));
        same((alive(), g.state()), (before - 1, State::Unstarted));
        same(Answer::from(g.switch(v(1))), Answer::NoRun);
        same(g.set_run(|_, x| Ok(x)).map_err(|refused| refused.reason), Ok::<(), RunError>(()));
        same(Answer::from(g.switch(v(7))), Got(7));
    });
}

fn bare(main: &Main) -> Handle {
    main.bare(&STACKS).expect("a stack is free")
}

fn the_destructor_of_a_lost_value() {
    tree(|main| {
        let g = bare(main);
        on_drop(blow);
        blows(|| drop(g.switch(v(LOADED))));
        on_drop(blow);
        blows(|| drop(g.throw(f(LOADED))));
        same(g.state(), State::Unstarted);
    });
}

fn the_destructor_of_what_a_dying_greenlet_cannot_deliver() {
    tree(|main| {
        let g = bare(main).spawn(&STACKS, |_, _| Ok(v(LOADED))).expect("a stack is free");
        on_drop(blow);
        blows(|| drop(g.switch(v(1))));
        same(g.state(), State::Dead);
    });
}

/// A child of main that waits, and whatever comes sends what panics when it is dropped.
fn sends(main: &Handle) -> Handle {
    on_drop(blow);
    started(spawn(main, |me, x| {
        drop(me.up(x));
        Ok(v(LOADED))
    }))
}

fn the_destructor_of_what_a_lost_greenlet_sends() {
    tree(|main| {
        let g = sends(main);
        let weak = g.downgrade();
        blows(|| drop(g));
        same((weak.upgrade(), main.kills_in_progress(), main.references()), (None, 0, 1));
    });
}

fn the_destructor_of_what_is_sent_at_the_end_of_the_tree() {
    let mut kept = None;
    blows(|| tree(|main| kept = Some([waiting(main), sends(main), waiting(main)])));
    holds(kept.is_some_and(|all| all.iter().all(Handle::is_dead)), "all were ended");
}

/// Created when there are no more rounds, below one that never ends; and kept by its child until the two are taken
/// apart.
fn the_destructor_of_a_body_that_is_cut_loose() {
    let mut kept = None;
    blows(|| {
        tree(|main| {
            let never_ends = main.spawn(&FOR_EVER, |me, x| {
                let _held = (OnDrop::new(|| ()), drop(x));
                loop {
                    drop(me.up(v(3)));
                }
            });
            use_up_rounds(main);
            ON_LEAK.set(|leaked| {
                rounds_are_used_up();
                FIRST.set(spawn(&spawn(leaked, captured()), captured()));
            });
            kept = Some(started(never_ends.expect("a stack is free")));
        });
    });
    same(heard().leaks, 1);
    drop(kept);
    blows(|| drop(FIRST.take())); // and the child's own
}

fn the_destructor_of_a_context() {
    tree(|main| {
        main.set_context(CONTEXTS.create(v(LOADED)).ok());
        on_drop(blow);
        blows(|| main.set_context::<Value>(None));
        holds(main.context::<Value>().is_none(), "it is gone");
    });
}

fn the_destructor_of_a_context_of_one_that_is_freed() {
    tree(|main| {
        let g = bare(main);
        g.set_context(CONTEXTS.create(v(LOADED)).ok());
        same(LOCALS.with(&g, |value| value.number), Ok(5));
        on_drop(blow);
        blows(|| drop(g));
        same((STACKS.free(), main.references()), (STACKS.count(), 1));
    });
}

static LOUD: GreenletLocal<Value, 1> = GreenletLocal::new(|| v(LOADED));

fn the_destructor_of_a_local_value() {
    tree(|main| {
        for _ in 0..2 {
            let g = bare(main);
            same(LOUD.with(&g, |value| value.number), Ok(LOADED));
            on_drop(blow);
            blows(|| drop(g));
        }
        same((STACKS.free(), main.references()), (STACKS.count(), 1));
    });
}

fn the_destructor_of_a_local_value_of_main() {
    for _ in 0..2 {
        blows(|| {
            tree(|main| {
                same(LOUD.with(main, |value| value.number), Ok(LOADED));
                on_drop(blow);
            });
        });
    }
}

fn the_destructors_of_all_local_values() {
    tree(|main| {
        let g = bare(main);
        for local in [&LOCALS.with(&g, |_| ()), &LOUD.with(&g, |_| ())] {
            same(*local, Ok(()));
        }
        g.set_context(CONTEXTS.create(v(4)).ok());
        on_drop(blow);
        blows(|| drop(g));
        same(STACKS.free(), STACKS.count());
    });
}
