//! Bodies that do not end when they are asked to.

use super::group;
use crate::answer::Answer::{self, Exit, Number, Value};
use crate::values::{Me, Out, Token, Weak, f, v};
use crate::verdict::{holds, same};
use crate::world::{
    EXIT, FIRST, FOR_EVER, SINGLE, heard, never_ends, refuses_once, spawn, started, stubborn, tree, waiting,
};
use greenlet::{SpawnError, State};

group! { "refusing":
    a_cancel_comes_back_and_it_lives,
    a_kill_is_answered_and_it_lives,
    a_throw_is_answered_and_it_lives,
    the_last_handle_goes_and_it_is_reported_and_keeps_its_stack,
    a_leaked_one_that_ends_after_all_gives_its_stack_back,
    a_leaked_one_is_reported_once,
    lost_for_ever keeps(1, 1),
    kept_until_the_tree_ends_and_never_over keeps(1, 1),
    a_handle_that_outlives_the_tree_does_not_free_it keeps(1, 1),
    a_remote_kill_is_settled_and_it_lives,
    a_remote_kill_of_a_leaked_one_is_not_reported_again,
    two_that_hold_each_other_end_with_the_tree,
    one_that_holds_itself_ends_with_the_tree,
    the_killer_is_killed_in_turn,
    one_that_leaves_a_successor_each_time_it_is_asked keeps(1, 1),
    an_unstarted_one_that_is_killed_cannot_refuse,
    a_cancel_that_goes_elsewhere_leaves_it_alive,
}

/// Ends a [`stubborn`] greenlet.
fn end(greenlet: &crate::values::Handle) {
    same(Answer::from(greenlet.switch(v(7))), Value(7));
    holds(greenlet.is_dead(), "a value ends it");
}

fn a_cancel_comes_back_and_it_lives() {
    tree(|main| {
        let g = started(spawn(main, stubborn()));
        for _ in 0..3 {
            same(Answer::from(g.cancel()), Value(3));
            same((g.state(), g.parent()), (State::Suspended, Some(main.handle())));
        }
        end(&g);
    });
}

fn a_kill_is_answered_and_it_lives() {
    tree(|main| {
        let g = started(spawn(main, stubborn()));
        same(Answer::from(g.kill()), Value(3));
        same(Answer::from(g.kill_with(v(9))), Value(3));
        same(g.state(), State::Suspended);
        end(&g);
    });
}

fn a_throw_is_answered_and_it_lives() {
    tree(|main| {
        let g = started(spawn(main, stubborn()));
        same(Answer::from(g.throw(f(8))), Value(3));
        same(g.state(), State::Suspended);
        end(&g);
    });
}

/// Loses one in a pool of one, that refuses once.
fn lose(main: &crate::values::Main) -> Weak {
    let g = main.spawn(&SINGLE, refuses_once()).expect("a stack is free");
    drop(g.switch(v(1)));
    let weak = g.downgrade();
    drop(g);
    same(heard().leaks, 1);
    weak
}

fn the_last_handle_goes_and_it_is_reported_and_keeps_its_stack() {
    tree(|main| {
        let weak = lose(main);
        same(main.bare(&SINGLE).err(), Some(SpawnError::PoolEmpty { stacks: 1, dead: 0, leaked: 1, abandoned: 0 }));
        same(weak.upgrade().map(|leaked| leaked.state()), Some(State::Suspended));
    });
}

fn a_leaked_one_that_ends_after_all_gives_its_stack_back() {
    tree(|main| {
        let leaked = lose(main).upgrade().expect("it is leaked");
        same(Answer::from(leaked.switch(v(7))), Value(7));
        same(main.bare(&SINGLE).err(), Some(SpawnError::PoolEmpty { stacks: 1, dead: 1, leaked: 0, abandoned: 0 }));
        drop(leaked);
        holds(main.bare(&SINGLE).is_ok(), "its stack is free");
    });
}

fn a_leaked_one_is_reported_once() {
    tree(|main| {
        let weak = lose(main);
        for _ in 0..3 {
            drop(weak.upgrade());
        }
        same(heard().leaks, 0);
        holds(weak.upgrade().is_some(), "it was not killed again");
    });
}

fn lost_for_ever() {
    tree(|main| {
        let g = main.spawn(&FOR_EVER, never_ends()).expect("a stack is free");
        same(Answer::from(g.switch(v(1))), Value(3));
        drop(g);
        same(heard().leaks, 1);
    });
    same(heard().leaks, 0); // killed again at the end, and not reported again
}

fn kept_until_the_tree_ends_and_never_over() {
    let kept = tree(|main| {
        let g = main.spawn(&FOR_EVER, never_ends()).expect("a stack is free");
        same(Answer::from(g.switch(v(1))), Value(3));
        g
    });
    same((kept.state(), heard().leaks), (State::Dead, 1));
}

fn a_handle_that_outlives_the_tree_does_not_free_it() {
    kept_until_the_tree_ends_and_never_over();
    tree(|main| holds(main.bare(&FOR_EVER).is_ok(), "others are free"));
}

fn a_remote_kill_is_settled_and_it_lives() {
    tree(|main| {
        let g = started(spawn(main, stubborn()));
        for _ in 0..2 {
            holds(g.remote().kill().is_ok(), "it exists");
            same((main.attend(), g.state()), (1, State::Suspended));
        }
        same(main.attend(), 0);
        end(&g);
    });
}

fn a_remote_kill_of_a_leaked_one_is_not_reported_again() {
    tree(|main| {
        let g = started(spawn(main, stubborn()));
        let weak = g.downgrade();
        drop(g);
        same(heard().leaks, 1);
        let leaked = weak.upgrade().expect("it is leaked");
        holds(leaked.remote().kill().is_ok(), "it exists");
        drop(leaked);
        same((main.attend(), heard().leaks), (1, 0));
        let leaked = weak.upgrade().expect("it refused again");
        same(leaked.references(), 2);
        end(&leaked);
    });
}

fn two_that_hold_each_other_end_with_the_tree() {
    let weak = tree(|main| {
        let pair = [(); 2].map(|()| main.bare(&crate::world::STACKS).expect("a stack is free"));
        for (one, other) in [(&pair[0], pair[1].clone()), (&pair[1], pair[0].clone())] {
            let held = Token::new();
            let body = move |me: &Me, x| {
                let _held = (held, other);
                me.up(x)
            };
            holds(one.set_run(body).is_ok(), "it has not started");
        }
        pair.iter().for_each(|one| drop(one.switch(v(1))));
        let weak = pair.each_ref().map(crate::values::Handle::downgrade);
        drop(pair);
        holds(weak.iter().all(|one| one.upgrade().is_some()), "each keeps the other");
        weak
    });
    holds(weak.iter().all(|one| one.upgrade().is_none()), "the end of the tree killed them");
}

fn one_that_holds_itself_ends_with_the_tree() {
    let weak = tree(|main| {
        let g = spawn(main, |me, x| {
            let _myself = (me.handle(), Token::new());
            me.up(x)
        });
        started(g).downgrade()
    });
    holds(weak.upgrade().is_none(), "the end of the tree killed it");
}

fn the_killer_is_killed_in_turn() {
    tree(|main| {
        let g = started(spawn(main, |me, x| match me.up(x) {
            Err(_exit) => me.parent().kill_with(v(9)),
            value => value,
        }));
        same(Answer::from(g.kill()), Exit(9));
        same(g.state(), State::Suspended);
        same(Answer::from(g.switch(v(7))), Value(7));
    });
}

/// Ends when it is asked, and leaves another that does the same: 32 rounds, and then the one that is left stays.
fn one_that_leaves_a_successor_each_time_it_is_asked() {
    fn lasting(me: &Me, x: crate::values::Value) -> Out {
        let held = Token::new();
        let asked = me.up(x);
        let next = me.spawn(&FOR_EVER, lasting).expect("a stack is free");
        drop(next.switch(v(1)));
        holds(next.set_parent(&me.parent()).is_ok(), "no cycle");
        FIRST.set(next);
        drop(held);
        asked
    }
    tree(|main| {
        let first = main.spawn(&FOR_EVER, lasting).expect("a stack is free");
        drop(first.switch(v(1)));
        FIRST.set(first);
    });
    same(heard().leaks, 1);
    drop(FIRST.take());
}

fn an_unstarted_one_that_is_killed_cannot_refuse() {
    tree(|main| {
        let g = spawn(main, stubborn());
        same(Answer::from(g.kill()), Value(EXIT));
        same(g.state(), State::Dead);
        let lost = spawn(main, stubborn()).downgrade();
        holds(lost.upgrade().is_none(), "it is freed");
    });
}

fn a_cancel_that_goes_elsewhere_leaves_it_alive() {
    tree(|main| {
        let elsewhere = waiting(main);
        let g = started(spawn(main, move |me, x| {
            let asked = me.up(x);
            drop(elsewhere.switch(v(2))); // it ends, in main, which takes that for the answer
            asked
        }));
        same(Answer::from(g.cancel()), Value(2));
        same(g.state(), State::Suspended);
        same(Answer::from(g.cancel()), Value(EXIT));
        same((g.state(), Number(main.kills_in_progress())), (State::Dead, Number(0)));
    });
}
