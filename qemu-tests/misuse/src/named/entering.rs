//! Trees that are entered when they must not be.

use super::group;
use crate::single::Single;
use crate::values::{Fault, Handle, OnDrop, Token, Value, Weak, alive, f, v};
use crate::verdict::{holds, same};
use crate::world::{
    FIRST, FOR_EVER, ON_EXIT, ON_LEAK, ON_UNRAISABLE, OTHER, STACKS, TREE, heard, never_ends, other_tree, refuses_once,
    rounds_are_used_up, spawn, started, tree, use_up_rounds, waiting, waits,
};
use greenlet::{EnterError, Event, Refusal, Refused, SpawnError, Thrown, Tree};

group! { "entering":
    the_same_tree_from_main,
    another_tree_from_main,
    from_a_greenlet,
    from_the_destructor_of_an_unstarted_body,
    from_the_exit_hook,
    from_the_unraisable_hook,
    from_the_leak_hook,
    from_a_tracer,
    from_a_destructor_at_the_end_of_the_tree,
    from_a_body_that_is_cut_loose keeps(1, 1),
    while_a_handle_to_main_is_kept,
    while_a_handle_to_main_is_kept_the_core_is_free,
    a_handle_to_a_child_does_not_keep_the_tree,
    a_weak_handle_to_main_does_not_keep_the_tree,
    a_tree_that_cannot_be_entered_gives_the_body_back_each_time,
}

/// Both trees refuse, for that reason, and the closure comes back.
fn refused(reason: EnterError) {
    for tree in [&TREE, &OTHER] {
        refused_by(tree, reason);
    }
}

fn refused_by(tree: &'static Tree<Value, Fault>, expected: EnterError) {
    let token = Token::new();
    match tree.enter(move |_| drop(token)) {
        Ok(()) => holds(false, "it is refused"),
        Err(Refused { reason, returned }) => {
            same(reason, expected);
            let before = alive();
            drop(returned);
            same(alive(), before - 1);
        }
    }
}

fn busy() {
    refused(EnterError::CoreBusy);
}

fn the_same_tree_from_main() {
    tree(|_| refused_by(&TREE, EnterError::CoreBusy));
}

fn another_tree_from_main() {
    tree(|_| refused_by(&OTHER, EnterError::CoreBusy));
    other_tree(|_| refused_by(&TREE, EnterError::CoreBusy));
}

fn from_a_greenlet() {
    tree(|main| {
        let g = spawn(main, |me, x| {
            busy();
            let x = me.up(x)?;
            busy();
            Ok(x)
        });
        same(g.switch(v(1)).map(|x| x.number).ok(), Some(1));
        same(g.switch(v(2)).map(|x| x.number).ok(), Some(2));
    });
}

fn from_the_destructor_of_an_unstarted_body() {
    tree(|main| {
        let captured = OnDrop::new(busy);
        drop(spawn(main, move |_, x| {
            drop(captured);
            Ok(x)
        }));
    });
}

fn from_the_exit_hook() {
    tree(|main| {
        ON_EXIT.set(busy);
        drop(waiting(main));
        holds(ON_EXIT.take().is_none(), "the hook was called");
    });
}

fn from_the_unraisable_hook() {
    tree(|main| {
        ON_UNRAISABLE.set(|_| busy());
        drop(started(spawn(main, |me, x| me.up(x).or(Err(f(8).into())))));
        same(heard().unraisable, 1);
    });
}

fn from_the_leak_hook() {
    tree(|main| {
        ON_LEAK.set(|_| busy());
        drop(started(spawn(main, refuses_once())));
        same(heard().leaks, 1);
    });
}

fn from_a_tracer() {
    tree(|main| {
        let g = waiting(main);
        main.set_trace(Some(&|_: Event, _: &Handle, _: &Handle| {
            busy();
            Ok(())
        }));
        drop(g);
    });
}

fn from_a_destructor_at_the_end_of_the_tree() {
    let kept = tree(|main| {
        let local = OnDrop::new(busy);
        started(spawn(main, move |me, x| {
            let _local = local;
            me.up(x)
        }))
    });
    holds(kept.is_dead(), "it was ended");
}

/// Created when there are no more rounds, and freed when no greenlet is resumed any more: it is inert already.
fn from_a_body_that_is_cut_loose() {
    let kept = tree(|main| {
        use_up_rounds(main);
        ON_LEAK.set(|leaked| {
            rounds_are_used_up();
            let handle = leaked.clone();
            let captured = OnDrop::new(move || {
                busy();
                same(handle.bare(&STACKS).err(), Some(SpawnError::Ended));
                holds(matches!(handle.switch(v(7)), Err(Thrown::Refused(Refusal::Ended, Some(_)))), "it is inert");
                same((handle.attend(), handle.parent(), handle.current()), (0, None, None));
                holds(handle.remote().kill().is_err(), "no request is accepted");
            });
            let made = spawn(leaked, move |_, x| {
                drop(captured);
                Ok(x)
            });
            FIRST.set(spawn(&made, waits())); // its child keeps it, until the two are taken apart
        });
        let g = main.spawn(&FOR_EVER, never_ends()).expect("a stack is free");
        started(g)
    });
    same(heard().leaks, 1);
    drop((FIRST.take(), kept));
}

fn while_a_handle_to_main_is_kept() {
    let kept = tree(|main| main.handle());
    refused_by(&TREE, EnterError::StillReferred);
    let clone = kept.clone();
    drop(kept);
    refused_by(&TREE, EnterError::StillReferred);
    drop(clone);
    tree(|_| ());
}

fn while_a_handle_to_main_is_kept_the_core_is_free() {
    let kept = tree(|main| main.handle());
    other_tree(|_| refused_by(&TREE, EnterError::CoreBusy));
    refused_by(&TREE, EnterError::StillReferred);
    other_tree(move |_| drop(kept));
    tree(|_| ());
}

fn a_handle_to_a_child_does_not_keep_the_tree() {
    let kept = tree(|main| waiting(main));
    tree(|main| same(waiting(main).cancel().map(|x| x.number).ok(), Some(crate::world::EXIT)));
    drop(kept);
}

fn a_weak_handle_to_main_does_not_keep_the_tree() {
    static WEAK: Single<Weak> = Single::empty();
    WEAK.set(tree(|main| main.downgrade()));
    tree(|main| {
        let upgraded = WEAK.take().and_then(|weak| weak.upgrade());
        holds(upgraded.is_none(), "it is not taken for the main greenlet of this run");
        same(main.references(), 1);
    });
}

fn a_tree_that_cannot_be_entered_gives_the_body_back_each_time() {
    tree(|_| {
        let token = Token::new();
        let mut body = move |_: &crate::values::Main| drop(token);
        for _ in 0..3 {
            match OTHER.enter(body) {
                Ok(()) => return holds(false, "it is refused"),
                Err(refused) => body = refused.returned,
            }
        }
        drop(body);
    });
}
