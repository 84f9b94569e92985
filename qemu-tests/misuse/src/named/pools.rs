//! Pools of none and of one, and pools that are emptied.

use super::group;
use crate::answer::Answer::{self, Number, Value as Got};
use crate::single::Single;
use crate::values::{Handle, Me, OnDrop, Out, Token, Value, alive, v};
use crate::verdict::{holds, same};
use crate::world::{COUNT, NONE, SINGLE, SMALL, STACKS, spawn, started, tree, waiting, waits};
use greenlet::{RunError, SpawnError};

group! { "pools":
    of_none_refuses_and_gives_the_body_back,
    of_none_counts_no_dead,
    of_one_refuses_the_second,
    of_one_counts_a_dead_one_that_is_referred_to,
    of_one_kept_by_a_child_of_the_dead,
    of_one_whose_only_greenlet_asks_for_another,
    of_one_is_free_when_its_greenlet_is_lost,
    of_one_with_a_handle_of_an_ended_tree,
    of_one_used_a_thousand_times,
    a_weak_handle_keeps_no_stack,
    what_is_refused_can_be_spawned_later,
    what_is_refused_here_can_be_spawned_elsewhere,
    a_body_too_large_for_set_run_comes_back,
    greenlets_that_spawn_until_none_is_left,
    greenlets_that_spawn_until_none_is_left_and_fail,
    destructors_that_spawn_until_none_is_left,
    a_chain_of_parents_as_long_as_the_pool,
    a_chain_of_kills_as_long_as_the_pool,
    filled_and_left_to_the_end_of_the_tree,
}

const EMPTY: SpawnError = SpawnError::PoolEmpty { stacks: COUNT, dead: 0, leaked: 0, abandoned: 0 };

/// A body that holds something, so that it is seen when it is lost.
fn body() -> impl FnOnce(&Me, Value) -> Out {
    let held = Token::new();
    move |_, x| {
        let _held = held;
        Ok(x)
    }
}

fn of_none_refuses_and_gives_the_body_back() {
    tree(|main| {
        let refused = main.spawn(&NONE, body()).expect_err("there is no stack");
        same(refused.reason, SpawnError::PoolEmpty { stacks: 0, dead: 0, leaked: 0, abandoned: 0 });
        let before = alive();
        drop(refused.returned);
        same(alive(), before - 1);
        same((NONE.count(), NONE.free()), (0, 0));
    });
}

fn of_none_counts_no_dead() {
    tree(|main| {
        let dead = started(spawn(main, body()));
        same(main.bare(&NONE).err(), Some(SpawnError::PoolEmpty { stacks: 0, dead: 0, leaked: 0, abandoned: 0 }));
        same(main.build(&NONE).name("none").parent(&dead).bare().err(), main.bare(&NONE).err());
    });
}

fn refused(main: &Handle, dead: usize) {
    let refused = main.spawn(&SINGLE, body()).map(drop).map_err(|refused| refused.reason);
    same(refused, Err(SpawnError::PoolEmpty { stacks: 1, dead, leaked: 0, abandoned: 0 }));
}

fn of_one_refuses_the_second() {
    tree(|main| {
        let g = main.spawn(&SINGLE, waits()).expect("a stack is free");
        refused(main, 0);
        drop(g.switch(v(1)));
        refused(main, 0);
        drop(g);
        holds(main.bare(&SINGLE).is_ok(), "it is free again");
    });
}

fn of_one_counts_a_dead_one_that_is_referred_to() {
    tree(|main| {
        let g = started(main.spawn(&SINGLE, body()).expect("a stack is free"));
        let clone = g.clone();
        refused(main, 1);
        drop(g);
        refused(main, 1);
        drop(clone);
        holds(main.bare(&SINGLE).is_ok(), "it is free again");
    });
}

fn of_one_kept_by_a_child_of_the_dead() {
    tree(|main| {
        let parent = main.spawn(&SINGLE, body()).expect("a stack is free");
        let child = parent.bare(&STACKS).expect("a stack is free");
        drop(parent.cancel());
        drop(parent);
        refused(main, 1);
        same(child.set_parent(main), Ok(()));
        holds(main.bare(&SINGLE).is_ok(), "it is free again");
    });
}

fn of_one_whose_only_greenlet_asks_for_another() {
    tree(|main| {
        let g = main.spawn(&SINGLE, |me, x| {
            refused(me, 0);
            let x = me.up(x)?;
            refused(me, 0);
            Ok(x)
        });
        let g = started(g.expect("a stack is free"));
        same(Answer::from(g.switch(v(2))), Got(2));
    });
}

fn of_one_is_free_when_its_greenlet_is_lost() {
    tree(|main| {
        for _ in 0..3 {
            drop(started(main.spawn(&SINGLE, waits()).expect("it is free again")));
            drop(main.spawn(&SINGLE, waits()).expect("it is free again"));
        }
    });
}

fn of_one_with_a_handle_of_an_ended_tree() {
    let old = tree(|main| main.spawn(&SINGLE, waits()).expect("a stack is free"));
    tree(|main| {
        refused(main, 0); // not of this tree, and so not counted
        drop(old);
        holds(main.bare(&SINGLE).is_ok(), "it is free again");
    });
}

fn of_one_used_a_thousand_times() {
    tree(|main| {
        let mut last = main.id();
        for time in 0..1000 {
            let g = main.spawn(&SINGLE, waits()).expect("it is free again");
            holds(g.id() > last, "no number comes twice");
            last = g.id();
            if time % 3 != 0 {
                drop(g.switch(v(1)));
            }
            if time % 3 == 2 {
                drop(g.kill());
            }
        }
    });
}

fn a_weak_handle_keeps_no_stack() {
    tree(|main| {
        let weak = main.bare(&SINGLE).expect("a stack is free").downgrade();
        let g = main.bare(&SINGLE).expect("it is free again");
        holds(weak.upgrade().is_none() && weak != g.downgrade(), "the next one is another");
    });
}

fn what_is_refused_can_be_spawned_later() {
    tree(|main| {
        let g = main.bare(&SINGLE).expect("a stack is free");
        let refused = main.spawn(&SINGLE, body()).expect_err("there is one stack");
        drop(g);
        let g = main.spawn(&SINGLE, refused.returned).expect("it is free again");
        same(Answer::from(g.switch(v(7))), Got(7));
    });
}

fn what_is_refused_here_can_be_spawned_elsewhere() {
    tree(|main| {
        let refused = main.spawn(&NONE, body()).expect_err("there is no stack");
        same(Answer::from(spawn(main, refused.returned).switch(v(7))), Got(7));
    });
}

fn a_body_too_large_for_set_run_comes_back() {
    tree(|main| {
        let g = main.bare(&SMALL).expect("a stack is free");
        let (large, token) = ([0_u8; 8192], Token::new());
        let too_large = move |_: &Me, x: Value| {
            let _held = token;
            Ok(v(x.number + u32::from(large[0])))
        };
        let refused = g.set_run(too_large).expect_err("it is too large");
        match refused.reason {
            RunError::TooLarge { needs, stack } => holds(stack == 8192 && needs > 16384, "it says what it takes"),
            _ => holds(false, "it says why"),
        }
        same(Answer::from(g.switch(v(1))), Answer::NoRun);
        let before = alive();
        drop(refused);
        same(alive(), before - 1);
        holds(g.set_run(body()).is_ok(), "a smaller one is taken");
        same(Answer::from(g.switch(v(7))), Got(7));
    });
}

/// Spawns a child that does the same, and switches to it, until no stack is left; returns how many ran.
fn deeper(me: &Me, x: Value) -> Out {
    let _held = Token::new();
    match me.spawn(&STACKS, deeper) {
        Ok(child) => child.switch(v(x.number + 1)),
        Err(refused) => {
            same(refused.reason, EMPTY);
            Ok(x)
        }
    }
}

fn greenlets_that_spawn_until_none_is_left() {
    tree(|main| {
        for _ in 0..3 {
            same(Answer::from(spawn(main, deeper).switch(v(1))), Got(COUNT as u32));
            same(STACKS.free(), COUNT);
        }
    });
}

fn greenlets_that_spawn_until_none_is_left_and_fail() {
    fn deeper(me: &Me, x: Value) -> Out {
        let _held = Token::new();
        match me.spawn(&STACKS, deeper) {
            Ok(child) => child.switch(v(x.number + 1)),
            Err(_) => crate::values::fails(x.number),
        }
    }
    tree(|main| {
        same(Answer::from(spawn(main, deeper).switch(v(1))), Answer::Error(COUNT as u32));
        same(STACKS.free(), COUNT);
    });
}

fn destructors_that_spawn_until_none_is_left() {
    static DEPTH: Single<u32> = Single::empty();
    /// Drops a body that must not run. While that is dropped, its stack is taken, and another is made and dropped.
    fn nested(main: &Handle, depth: u32) {
        DEPTH.set(depth);
        let parent = main.clone();
        let captured = OnDrop::new(move || {
            if STACKS.free() > 0 {
                nested(&parent, depth + 1);
            } else {
                same(parent.bare(&STACKS).err(), Some(EMPTY));
            }
        });
        drop(spawn(main, move |_, x| {
            let _captured = captured;
            Ok(x)
        }));
    }
    tree(|main| {
        nested(main, 1);
        same((DEPTH.take(), STACKS.free()), (Some(COUNT as u32), COUNT));
    });
}

fn a_chain_of_parents_as_long_as_the_pool() {
    tree(|main| {
        let mut last = waiting(main);
        let weak = last.downgrade();
        for _ in 1..COUNT {
            last = spawn(&last, waits());
        }
        same(main.bare(&STACKS).err(), Some(EMPTY));
        holds(weak.upgrade().is_some(), "each is kept by its child");
        drop(last);
        same((weak.upgrade(), STACKS.free()), (None, COUNT));
    });
}

fn a_chain_of_kills_as_long_as_the_pool() {
    tree(|main| {
        let mut next = waiting(main);
        for _ in 1..COUNT {
            let after = next;
            next = started(spawn(main, move |me, x| {
                let asked = me.up(x);
                same(Answer::from(after.cancel()), Got(crate::world::EXIT));
                asked
            }));
        }
        same(main.bare(&STACKS).err(), Some(EMPTY));
        drop(next);
        same((STACKS.free(), Number(main.kills_in_progress())), (COUNT, Number(0)));
    });
}

fn filled_and_left_to_the_end_of_the_tree() {
    let kept: [Handle; COUNT] = tree(|main| {
        core::array::from_fn(|index| {
            let g = spawn(main, waits());
            if index % 2 == 0 { started(g) } else { g }
        })
    });
    same(STACKS.free(), 0);
    holds(kept.iter().all(Handle::is_dead), "all were ended");
    drop(kept);
    same(STACKS.free(), COUNT);
}
