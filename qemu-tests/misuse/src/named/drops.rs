//! Destructors that act: wherever the kernel drops something of the user's, that does one of the things that it may do.
//!
//! A row for each place, a column for each act. The places are two kinds. In most, what is dropped is dropped by main,
//! in the middle of a call, and each act comes back there. In the other, it lies on the stack of a greenlet that ends:
//! an act that sends control to main leaves that greenlet where it is, until it is asked to end once more.

use crate::Case;
use crate::answer::Answer::{self, Done, Error, Exit, Number, Value as Got};
use crate::single::Single;
use crate::values::{Handle, LOADED, Main, Me, OnDrop, Out, Value, f, on_drop, v};
use crate::verdict::{holds, same};
use crate::world::{CONTEXTS, EXIT, FIRST, OTHER, SECOND, STACKS, heard, spawn, started, tree, waiting, waits};
use greenlet::{EnterError, GreenletLocal};

/// What came of the act.
static SEEN: Single<Answer> = Single::empty();

/// What is done: with the handle in [`FIRST`], of a child of main that waits.
struct Act {
    name: &'static str,
    act: fn(Handle) -> Answer,
}

const SWITCHES: fn(Handle) -> Answer = |g| g.switch(v(2)).into();
const THROWS: fn(Handle) -> Answer = |g| g.throw(f(8)).into();
const CANCELS: fn(Handle) -> Answer = |g| g.cancel().into();
const DROPS: fn(Handle) -> Answer = |g| {
    drop(g);
    Done
};
const SPAWNS: fn(Handle) -> Answer = |g| {
    let me = g.current().expect("the tree is entered");
    spawn(&me, waits()).switch(v(2)).into()
};
const ENTERS: fn(Handle) -> Answer = |_| match OTHER.enter(|_| ()) {
    Err(refused) if refused.reason == EnterError::CoreBusy => Done,
    _ => Answer::No,
};
const EXHAUSTS: fn(Handle) -> Answer = |g| {
    let me = g.current().expect("the tree is entered");
    let all: [Option<Handle>; crate::world::COUNT] = core::array::from_fn(|_| me.spawn(&STACKS, waits()).ok());
    Number(all.iter().flatten().count() as u32)
};

fn act(name: &'static str) {
    let act = ACTS.iter().find(|act| act.name == name).expect("it is one of them");
    let greenlet = FIRST.take().expect("a place puts it there");
    let answer = (act.act)(greenlet);
    SEEN.set(answer);
}

const ACTS: [Act; 7] = [
    Act { name: "switches", act: SWITCHES },
    Act { name: "throws", act: THROWS },
    Act { name: "cancels", act: CANCELS },
    Act { name: "drops", act: DROPS },
    Act { name: "spawns", act: SPAWNS },
    Act { name: "enters", act: ENTERS },
    Act { name: "exhausts", act: EXHAUSTS },
];

/// The expected results: the answer to the act, how many leaks are reported, how many errors that have no receiver.
type Wanted = (Answer, u32, u32);

/// Runs a place with an act, and compares.
fn play(place: fn(&Main, fn()), does: fn(), (answer, leaks, unraisable): Wanted) {
    tree(|main| {
        FIRST.set(waiting(main));
        place(main, does);
    });
    drop((FIRST.take(), SECOND.take()));
    same(SEEN.take(), Some(answer));
    let told = heard();
    same((told.leaks, told.unraisable), (leaks, unraisable));
}

/// Makes the cases of all places: their names, and the lines of the table.
macro_rules! places {
    ($($place:ident: $($name:ident $wanted:expr),*;)*) => {
        pub(super) const CASES: &[Case] = &[$($(
            Case::story(
                concat!("drop_of_", stringify!($place)),
                stringify!($name),
                || play($place, || act(stringify!($name)), $wanted),
            ),
        )*)*];
    };
}

places! {
    an_unstarted_body:
        switches (Got(2), 0, 0), throws (Error(8), 0, 0), cancels (Got(EXIT), 0, 0), drops (Done, 0, 0),
        spawns (Got(2), 0, 0), enters (Done, 0, 0), exhausts (Number(6), 0, 0);
    a_replaced_body:
        switches (Got(2), 0, 0), throws (Error(8), 0, 0), cancels (Got(EXIT), 0, 0), drops (Done, 0, 0),
        spawns (Got(2), 0, 0), enters (Done, 0, 0), exhausts (Number(6), 0, 0);
    a_lost_value:
        switches (Got(2), 0, 0), throws (Error(8), 0, 0), cancels (Got(EXIT), 0, 0), drops (Done, 0, 0),
        spawns (Got(2), 0, 0), enters (Done, 0, 0), exhausts (Number(6), 0, 0);
    a_lost_error:
        switches (Got(2), 0, 0), throws (Error(8), 0, 0), cancels (Got(EXIT), 0, 0), drops (Done, 0, 0),
        spawns (Got(2), 0, 0), enters (Done, 0, 0), exhausts (Number(6), 0, 0);
    a_context:
        switches (Got(2), 0, 0), throws (Error(8), 0, 0), cancels (Got(EXIT), 0, 0), drops (Done, 0, 0),
        spawns (Got(2), 0, 0), enters (Done, 0, 0), exhausts (Number(7), 0, 0);
    a_context_of_one_that_is_freed:
        switches (Got(2), 0, 0), throws (Error(8), 0, 0), cancels (Got(EXIT), 0, 0), drops (Done, 0, 0),
        spawns (Got(2), 0, 0), enters (Done, 0, 0), exhausts (Number(6), 0, 0);
    a_local_value:
        switches (Got(2), 0, 0), throws (Error(8), 0, 0), cancels (Got(EXIT), 0, 0), drops (Done, 0, 0),
        spawns (Got(2), 0, 0), enters (Done, 0, 0), exhausts (Number(6), 0, 0);
    what_a_lost_greenlet_sends:
        switches (Got(2), 0, 0), throws (Error(8), 0, 0), cancels (Got(EXIT), 0, 0), drops (Done, 0, 0),
        spawns (Got(2), 0, 0), enters (Done, 0, 0), exhausts (Number(6), 0, 0);
    what_is_sent_at_the_end_of_the_tree:
        switches (Got(2), 0, 0), throws (Error(8), 0, 0), cancels (Got(EXIT), 0, 0), drops (Done, 0, 0),
        spawns (Got(2), 0, 0), enters (Done, 0, 0), exhausts (Number(6), 0, 0);
    a_local_of_a_lost_greenlet:
        switches (Exit(EXIT), 1, 0), throws (Exit(EXIT), 1, 1), cancels (Got(EXIT), 0, 0), drops (Done, 0, 0),
        spawns (Got(2), 0, 0), enters (Done, 0, 0), exhausts (Number(6), 0, 0);
    a_local_of_one_that_returns:
        switches (Exit(EXIT), 0, 0), throws (Exit(EXIT), 0, 0), cancels (Got(EXIT), 0, 0), drops (Done, 0, 0),
        spawns (Got(2), 0, 0), enters (Done, 0, 0), exhausts (Number(6), 0, 0);
    a_local_of_one_that_dies_of_an_error:
        switches (Exit(EXIT), 0, 1), throws (Exit(EXIT), 0, 1), cancels (Got(EXIT), 0, 0), drops (Done, 0, 0),
        spawns (Got(2), 0, 0), enters (Done, 0, 0), exhausts (Number(6), 0, 0);
    what_a_dying_greenlet_cannot_deliver:
        switches (Exit(EXIT), 0, 1), throws (Exit(EXIT), 0, 1), cancels (Got(EXIT), 0, 0), drops (Done, 0, 0),
        spawns (Got(2), 0, 0), enters (Done, 0, 0), exhausts (Number(5), 0, 0);
}

/// A body that must not run, and acts when it is dropped.
fn captured(does: fn()) -> impl FnOnce(&Me, Value) -> Out {
    let captured = OnDrop::new(does);
    move |_, x| {
        let _captured = captured;
        holds(false, "it does not run");
        Ok(x)
    }
}

/// A child of main that waits, then drops what acts, and returns what came.
fn ends(main: &Main, does: fn()) -> Handle {
    let local = OnDrop::new(does);
    started(spawn(main, move |me, x| {
        let _local = local;
        me.up(x)
    }))
}

/// A child of main that waits, and whatever comes returns a value that acts.
fn sends(main: &Main, does: fn()) -> Handle {
    on_drop(does);
    started(spawn(main, |me, x| {
        drop(me.up(x));
        Ok(v(LOADED))
    }))
}

fn bare(main: &Main) -> Handle {
    main.bare(&STACKS).expect("a stack is free")
}

fn an_unstarted_body(main: &Main, does: fn()) {
    drop(spawn(main, captured(does)));
}

fn a_replaced_body(main: &Main, does: fn()) {
    let g = spawn(main, captured(does));
    holds(g.set_run(|_, x| Ok(x)).is_ok(), "it has not started");
    same(Answer::from(g.switch(v(7))), Got(7));
}

fn a_lost_value(main: &Main, does: fn()) {
    on_drop(does);
    same(Answer::from(bare(main).switch(v(LOADED))), Answer::NoRun);
}

fn a_lost_error(main: &Main, does: fn()) {
    on_drop(does);
    same(Answer::from(bare(main).throw(f(LOADED))), Answer::NoRun);
}

fn a_context(main: &Main, does: fn()) {
    on_drop(does);
    main.set_context(CONTEXTS.create(v(LOADED)).ok());
    main.set_context::<Value>(None);
}

fn a_context_of_one_that_is_freed(main: &Main, does: fn()) {
    on_drop(does);
    bare(main).set_context(CONTEXTS.create(v(LOADED)).ok());
}

fn a_local_value(main: &Main, does: fn()) {
    static LOADED_LOCAL: GreenletLocal<Value, 1> = GreenletLocal::new(|| v(LOADED));
    on_drop(does);
    same(LOADED_LOCAL.with(&bare(main), |value| value.number), Ok(LOADED));
}

fn what_a_lost_greenlet_sends(main: &Main, does: fn()) {
    drop(sends(main, does));
}

fn what_is_sent_at_the_end_of_the_tree(main: &Main, does: fn()) {
    SECOND.set(sends(main, does));
}

fn a_local_of_a_lost_greenlet(main: &Main, does: fn()) {
    drop(ends(main, does));
}

fn a_local_of_one_that_returns(main: &Main, does: fn()) {
    drop(ends(main, does).switch(v(7)));
}

fn a_local_of_one_that_dies_of_an_error(main: &Main, does: fn()) {
    drop(ends(main, does).throw(f(9)));
}

/// Its parent has no body.
fn what_a_dying_greenlet_cannot_deliver(main: &Main, does: fn()) {
    on_drop(does);
    drop(bare(main).spawn(&STACKS, |_, _| Ok(v(LOADED))).expect("a stack is free").switch(v(1)));
}
