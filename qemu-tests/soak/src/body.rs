//! What each greenlet does, main included: one operation after another, until it is killed, or by chance ends by
//! itself.

use crate::books::{Books, Entry};
use crate::values::{BODIES, Handle, LOCALS, Me, Out, VALUES, Value};
use crate::world::{PLACES, POCKETS, STACKS, TREE, place_of, with};
use crate::{DONE, Order, Tally, audit, ops};
use core::sync::atomic::Ordering::Relaxed;
use greenlet::{Stack, State, Thrown};

/// Does all of `order` in one tree.
pub(crate) fn run(order: Order, prepare: fn(Stack), progress: fn(u64)) -> Tally {
    let entered = TREE.enter(|main| {
        with(|world| {
            world.books.open(order, prepare, progress);
            world.books.entries[0] = Entry { id: main.id(), body: true, last: Some(State::Running), ..Entry::EMPTY };
            world.weak[0] = Some(main.downgrade());
            world.remotes[0] = Some(main.remote());
            world.held[0] = Some(main.handle());
        });
        while let Some(outcome) = step(main) {
            note(&outcome);
        }
        let_go();
    });
    assert!(entered.is_ok(), "a tree is entered already");
    close();
    with(|world| {
        let Books { done, digest, story, failure, .. } = &mut world.books;
        Tally { done: *done, digest: *digest, story: *story, failure: failure.take() }
    })
}

/// One operation of the current greenlet, and the audit; `None` when it is all over.
fn step(me: &Handle) -> Option<Out> {
    if with(|world| world.books.over()) {
        return None;
    }
    let outcome = ops::one(me);
    Some(audited(me, outcome))
}

/// The audit after an operation that came back with `outcome`.
fn audited(me: &Handle, outcome: Out) -> Out {
    if !with(|world| world.books.over()) {
        audit::audit(me, &outcome);
        with(|world| {
            let books = &mut world.books;
            if !books.over() {
                books.done += 1;
                DONE.store(books.done as usize, Relaxed);
                if books.done.is_multiple_of(1_000_000) {
                    (books.progress)(books.done);
                }
            }
        });
    }
    outcome
}

/// The body of every greenlet but main.
pub(crate) fn live() -> impl FnOnce(&Me, Value) -> Out {
    let counted = BODIES.one();
    move |me, first| {
        let _counted = counted;
        note(&Ok(first));
        loop {
            let Some(outcome) = step_of_a_body(me) else { return Ok(Value::new(0)) };
            note(&outcome);
            let ends = with(|world| {
                let numbers = &mut world.books.numbers;
                match outcome {
                    Ok(_) => numbers.percent(4),
                    // Now and then one refuses to end.
                    Err(_) => numbers.percent(80),
                }
            });
            if ends {
                return outcome;
            }
        }
    }
}

/// As [`step`], or a switch to the parent.
fn step_of_a_body(me: &Me) -> Option<Out> {
    if !with(|world| !world.books.over() && world.books.numbers.percent(12)) {
        return step(me);
    }
    let place = place_of(me);
    let parent = place_of(&me.parent());
    let number = with(|world| {
        world.books.entries[place].up = Some(parent as u8);
        world.books.numbers.below(1000) as u64
    });
    let outcome = me.up(Value::new(number));
    with(|world| world.books.entries[place].up = None);
    Some(audited(me, outcome))
}

/// Adds what arrived to the digest.
pub(crate) fn note(outcome: &Out) {
    let what = match outcome {
        Ok(value) => value.number,
        Err(Thrown::Error(error)) => 1 << 60 | error.number,
        Err(Thrown::Exit(value)) => 2 << 60 | value.number,
        Err(Thrown::NoRun) => 3 << 60,
        Err(_) => 4 << 60,
    };
    with(|world| world.books.came(what));
}

/// Main gives up all handles, one after another.
fn let_go() {
    for place in 1..PLACES {
        let handle = with(|world| world.held[place].take());
        drop(handle);
    }
    for pocket in 0..POCKETS {
        let handle = with(|world| world.pockets[pocket].take());
        drop(handle);
    }
    let main = with(|world| world.held[0].take());
    drop(main);
}

/// What must hold when the tree has ended: there is nothing left.
fn close() {
    let left = (BODIES.alive(), VALUES.alive(), crate::values::CONTEXTS.alive(), LOCALS.alive());
    let free = STACKS.free();
    with(|world| {
        if left != (0, 0, 0, 0) || free != STACKS.count() {
            world.books.fail(format_args!(
                "after the end of the tree: bodies, values, contexts, local values {left:?}, {free} stacks free"
            ));
        }
        if let Some(place) =
            (0..PLACES).find(|&place| world.weak[place].as_ref().is_some_and(|weak| weak.upgrade().is_some()))
        {
            world.books.fail(format_args!("greenlet {place} still exists"));
        }
    });
}
