//! Contexts and local values, where there is no room, and where their code misbehaves.

use super::group;
use crate::answer::Answer;
use crate::single::Single;
use crate::values::{Handle, LOADED, Value, alive, on_drop, v};
use crate::verdict::{holds, same};
use crate::world::{CONTEXTS, FIRST, LOCALS, SECOND, STACKS, spawn, tree, waiting};
use greenlet::{ContextPool, GreenletLocal, LocalError};

group! { "locals":
    a_context_pool_of_none,
    a_context_pool_that_is_full,
    a_context_of_another_type,
    a_context_set_twice,
    a_context_shared_by_all,
    a_context_that_takes_itself_away_when_it_is_dropped,
    a_context_that_puts_another_in_its_place,
    a_local_for_none,
    a_local_for_two_and_a_third,
    a_local_of_a_dead_one,
    a_local_that_gets_itself_while_it_is_made,
    a_local_that_is_made_while_its_greenlet_ends,
    a_local_that_fills_the_room_while_it_is_made,
    a_local_that_drops_another_greenlet_while_it_is_made,
    a_local_looked_at_while_its_greenlet_dies,
    a_local_whose_destructor_makes_one_for_another,
}

fn bare(main: &Handle) -> Handle {
    main.bare(&STACKS).expect("a stack is free")
}

fn a_context_pool_of_none() {
    static POOL: ContextPool<Value, 0> = ContextPool::new();
    tree(|main| {
        let refused = POOL.create(v(4)).expect_err("there is no room");
        same((refused.reason, refused.returned.number), (LocalError::Full { capacity: 0 }, 4));
        holds(main.context::<Value>().is_none(), "it has none");
    });
}

fn a_context_pool_that_is_full() {
    tree(|main| {
        let both = [1, 2].map(|number| CONTEXTS.create(v(number)).expect("there is room"));
        main.set_context(Some(both[0].clone()));
        let refused = CONTEXTS.create(v(4)).expect_err("it is full");
        same((refused.reason, refused.returned.number), (LocalError::Full { capacity: 2 }, 4));
        drop(both);
        holds(CONTEXTS.create(v(4)).is_ok(), "one is free again");
        main.set_context::<Value>(None);
    });
}

fn a_context_of_another_type() {
    static OTHER: ContextPool<u32, 1> = ContextPool::new();
    tree(|main| {
        main.set_context(OTHER.create(4).ok());
        same((main.context::<Value>().is_some(), main.context::<u32>().map(|number| *number)), (false, Some(4)));
        main.set_context(CONTEXTS.create(v(5)).ok());
        same((main.context::<u32>().is_some(), main.context::<Value>().is_some()), (false, true));
        holds(OTHER.create(4).is_ok(), "the first is freed");
    });
}

fn a_context_set_twice() {
    tree(|main| {
        let context = CONTEXTS.create(v(4)).expect("there is room");
        for _ in 0..3 {
            main.set_context(Some(context.clone()));
        }
        let before = alive();
        drop(context);
        same(alive(), before);
        main.set_context::<Value>(None);
        same(alive(), before - 1);
    });
}

fn a_context_shared_by_all() {
    tree(|main| {
        let (one, other) = (waiting(main), bare(main));
        let context = CONTEXTS.create(v(4)).expect("there is room");
        for greenlet in [&one, &other, &main.handle()] {
            greenlet.set_context(Some(context.clone()));
        }
        drop((one, other));
        same((main.context::<Value>() == Some(context.clone()), context.number), (true, 4));
    });
}

fn a_context_that_takes_itself_away_when_it_is_dropped() {
    tree(|main| {
        let g = bare(main);
        FIRST.set(g.clone());
        on_drop(|| {
            let g = FIRST.take().expect("the greenlet");
            holds(g.context::<Value>().is_none(), "it is gone already");
            g.set_context::<Value>(None);
        });
        g.set_context(CONTEXTS.create(v(LOADED)).ok());
        g.set_context::<Value>(None);
    });
}

fn a_context_that_puts_another_in_its_place() {
    tree(|main| {
        let g = bare(main);
        FIRST.set(g.clone());
        on_drop(|| FIRST.take().expect("the greenlet").set_context(CONTEXTS.create(v(6)).ok()));
        g.set_context(CONTEXTS.create(v(LOADED)).ok());
        g.set_context::<Value>(None);
        same(g.context::<Value>().map(|context| context.number), Some(6));
    });
}

fn a_local_for_none() {
    static LOCAL: GreenletLocal<Value, 0> = GreenletLocal::new(|| v(5));
    tree(|main| {
        let before = alive();
        same(LOCAL.with(main, |value| value.number), Err(LocalError::Full { capacity: 0 }));
        same(alive(), before);
    });
}

fn a_local_for_two_and_a_third() {
    tree(|main| {
        let [one, other, third] = [(); 3].map(|()| bare(main));
        let number = |greenlet: &Handle| LOCALS.with(greenlet, |value| value.number);
        same([number(&one), number(&other)], [Ok(5), Ok(5)]);
        same(number(&third), Err(LocalError::Full { capacity: 2 }));
        same(number(&one), Ok(5));
        drop(other);
        same(number(&third), Ok(5));
    });
}

fn a_local_of_a_dead_one() {
    tree(|main| {
        let g = waiting(main);
        drop(g.cancel());
        same(LOCALS.with(&g, |value| value.number), Ok(5));
        let before = alive();
        drop(g);
        same(alive(), before - 1);
    });
}

fn a_local_that_gets_itself_while_it_is_made() {
    static LOCAL: GreenletLocal<Value, 2> = GreenletLocal::new(|| {
        if let Some(g) = FIRST.take() {
            same(LOCAL.with(&g, |value| value.number), Ok(5));
        }
        v(5)
    });
    tree(|main| {
        let (g, other) = (bare(main), bare(main));
        let before = alive();
        FIRST.set(g.clone());
        same(LOCAL.with(&g, |value| value.number), Ok(5));
        same(alive(), before + 1);
        same(LOCAL.with(&other, |value| value.number), Ok(5)); // the place that was not used is free
    });
}

fn a_local_that_is_made_while_its_greenlet_ends() {
    static LOCAL: GreenletLocal<Value, 1> = GreenletLocal::new(|| {
        let g = FIRST.take().expect("the greenlet");
        same(Answer::from(g.cancel()), Answer::Value(crate::world::EXIT));
        v(5)
    });
    tree(|main| {
        let g = waiting(main);
        FIRST.set(g.clone());
        same(LOCAL.with(&g, |value| value.number), Ok(5));
        holds(g.is_dead(), "it has a value, and is dead");
    });
}

fn a_local_that_fills_the_room_while_it_is_made() {
    static LOCAL: GreenletLocal<Value, 2> = GreenletLocal::new(|| {
        if let (Some(one), Some(other)) = (FIRST.take(), SECOND.take()) {
            same(LOCAL.with(&one, |value| value.number), Ok(5));
            same(LOCAL.with(&other, |value| value.number), Err(LocalError::Full { capacity: 2 }));
        }
        v(5)
    });
    tree(|main| {
        let [g, one, other] = [(); 3].map(|()| bare(main));
        FIRST.set(one.clone());
        SECOND.set(other.clone());
        same(LOCAL.with(&g, |value| value.number), Ok(5));
        drop(one);
        same(LOCAL.with(&other, |value| value.number), Ok(5));
    });
}

fn a_local_that_drops_another_greenlet_while_it_is_made() {
    static LOCAL: GreenletLocal<Value, 1> = GreenletLocal::new(|| {
        drop(FIRST.take());
        v(5)
    });
    tree(|main| {
        let g = bare(main);
        FIRST.set(waiting(main));
        same(LOCAL.with(&g, |value| value.number), Ok(5));
    });
}

/// The borrow of the value lasts as long as that of the handle.
fn a_local_looked_at_while_its_greenlet_dies() {
    tree(|main| {
        let g = waiting(main);
        let looked = LOCALS.with(&g, |value| {
            drop(g.cancel());
            (value.number, g.is_dead())
        });
        same(looked, Ok((5, true)));
    });
}

fn a_local_whose_destructor_makes_one_for_another() {
    static LOCAL: GreenletLocal<Value, 2> = GreenletLocal::new(|| v(LOADED));
    static KEPT: Single<Handle> = Single::empty();
    tree(|main| {
        let (g, other) = (bare(main), spawn(main, |_, x| Ok(x)));
        KEPT.set(other.clone());
        same(LOCAL.with(&g, |value| value.number), Ok(LOADED));
        on_drop(|| {
            let other = KEPT.take().expect("the other one");
            same(LOCAL.with(&other, |value| value.number), Ok(LOADED));
        });
        drop(g);
        same(LOCAL.with(main, |value| value.number), Ok(LOADED)); // the room of the first is free
        drop(other);
    });
}
