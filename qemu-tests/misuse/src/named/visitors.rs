//! Visitors of all greenlets, and destructors of bodies that are replaced, which change what is being visited.

use super::group;
use crate::answer::Answer::{self, Value};
use crate::values::{Handle, OnDrop, v};
use crate::verdict::{holds, same};
use crate::world::{FIRST, SECOND, STACKS, spawn, tree, waiting, waits};
use greenlet::{RunError, State};

group! { "visitors":
    a_visitor_drops_what_it_visits,
    a_visitor_drops_the_next_one,
    a_visitor_kills_what_it_visits,
    a_visitor_spawns,
    a_visitor_visits,
    a_visitor_switches_to_what_it_visits,
    a_visitor_that_waits_in_the_middle,
    a_replaced_body_calls_set_run,
    a_replaced_body_switches_to_its_greenlet,
    a_replaced_body_kills_its_greenlet,
    a_replaced_body_is_dropped_with_its_greenlet,
    a_replaced_body_moves_its_greenlet,
}

fn a_visitor_drops_what_it_visits() {
    tree(|main| {
        let mut all = [waiting(main), spawn(main, waits()), waiting(main)].map(Some);
        let mut visited = 0;
        main.for_each(|g| {
            visited += 1;
            let _dropped = all.iter_mut().find(|kept| kept.as_ref() == Some(g)).map(Option::take);
        });
        same((visited, STACKS.free()), (4, STACKS.count()));
    });
}

fn a_visitor_drops_the_next_one() {
    tree(|main| {
        let first = waiting(main);
        let mut next = Some(waiting(main));
        let last = waiting(main);
        let mut visited = 0;
        main.for_each(|g| {
            visited += 1;
            if *g == first {
                drop(next.take());
            }
        });
        same((visited, last.state()), (3, State::Suspended));
    });
}

fn a_visitor_kills_what_it_visits() {
    tree(|main| {
        let all = [waiting(main), waiting(main)];
        main.for_each(|g| {
            let _refused_by_main = g.cancel();
        });
        holds(all.iter().all(Handle::is_dead), "all are dead");
    });
}

fn a_visitor_spawns() {
    tree(|main| {
        let _one = waiting(main);
        let (mut visited, mut made) = (0, [None, None, None]);
        main.for_each(|g| {
            made[visited] = Some(waiting(g.current().as_ref().expect("main")));
            visited += 1;
        });
        same(visited, 2); // those that were made meanwhile are left out
    });
}

fn a_visitor_visits() {
    tree(|main| {
        let _two = [waiting(main), waiting(main)];
        let mut visited = 0;
        main.for_each(|g| g.for_each(|_| visited += 1));
        same(visited, 9);
    });
}

fn a_visitor_switches_to_what_it_visits() {
    tree(|main| {
        let all = [waiting(main), waiting(main)];
        let mut answers = 0;
        main.for_each(|g| answers += u32::from(Answer::from(g.switch(v(7))) == Value(7)));
        same(answers, 3);
        holds(all.iter().all(Handle::is_dead), "all ended with it");
    });
}

/// It is asked to exit in the middle of its visit, at the end of the tree, and the visit continues.
fn a_visitor_that_waits_in_the_middle() {
    let kept = tree(|main| {
        let g = spawn(main, |me, x| {
            let mut visited = 0;
            me.for_each(|_| {
                if visited == 0 {
                    same(Answer::from(me.up(v(3))), Answer::Exit(crate::world::EXIT));
                }
                visited += 1;
            });
            same(visited, 2);
            Ok(x)
        });
        same(Answer::from(g.switch(v(1))), Value(3));
        g
    });
    holds(kept.is_dead(), "it ended");
}

/// A greenlet whose body, when it is replaced, calls `act` with it.
fn replaced(main: &Handle, act: impl FnOnce(&Handle) + 'static) -> Handle {
    let g = main.bare(&STACKS).expect("a stack is free");
    let weak = g.downgrade();
    let captured = OnDrop::new(move || act(&weak.upgrade().expect("it exists")));
    let body = move |_: &crate::values::Me, x| {
        let _captured = captured;
        Ok(x)
    };
    holds(g.set_run(body).is_ok(), "it has not started");
    g
}

fn a_replaced_body_calls_set_run() {
    tree(|main| {
        let g = replaced(main, |g| {
            let refused = g.set_run(|_, _| Ok(v(9)));
            same(refused.map_err(|refused| refused.reason), Err(RunError::Busy));
        });
        holds(g.set_run(|_, _| Ok(v(7))).is_ok(), "the first call");
        same(Answer::from(g.switch(v(1))), Value(7));
    });
}

fn a_replaced_body_switches_to_its_greenlet() {
    tree(|main| {
        let g = replaced(main, |g| same(Answer::from(g.switch(v(2))), Answer::NoRun));
        holds(g.set_run(|_, _| Ok(v(7))).is_ok(), "it has not started");
        same(Answer::from(g.switch(v(1))), Value(7));
    });
}

fn a_replaced_body_kills_its_greenlet() {
    tree(|main| {
        let g = replaced(main, |g| same([g.kill(), g.cancel()].map(Answer::from), [Answer::NoRun; 2]));
        holds(g.set_run(|_, _| Ok(v(7))).is_ok(), "it cannot be killed without a body");
        same(Answer::from(g.switch(v(1))), Value(7));
    });
}

fn a_replaced_body_is_dropped_with_its_greenlet() {
    tree(|main| {
        let g = main.bare(&STACKS).expect("a stack is free");
        let captured = OnDrop::new(|| holds(SECOND.take().is_none(), "its greenlet cannot be found any more"));
        let weak = g.downgrade();
        let body = move |_: &crate::values::Me, x| {
            let _captured = captured;
            Ok(x)
        };
        holds(g.set_run(body).is_ok(), "it has not started");
        drop(g);
        holds(weak.upgrade().is_none(), "it is freed");
    });
}

fn a_replaced_body_moves_its_greenlet() {
    tree(|main| {
        let other = waiting(main);
        FIRST.set(other.clone());
        let g = replaced(main, |g| same(FIRST.take().map(|other| g.set_parent(&other)), Some(Ok(()))));
        holds(g.set_run(|_, _| Ok(v(7))).is_ok(), "it has not started");
        same((Answer::from(g.switch(v(1))), other.state()), (Value(7), State::Dead)); // by way of the other one
    });
}
