//! A greenlet in each state, and the call of a function on it.

use super::{After, Call, State};
use crate::answer::{Answer, Landed};
use crate::single::Single;
use crate::values::{Handle, Out, Weak, v};
use crate::world::{
    FIRST, Heard, SECOND, STACKS, heard, other_tree, refuses_once, spawn, started, tree, waiting, waits,
};

/// The result of the call, in the greenlet that continued first.
static SEEN: Single<(Answer, After)> = Single::empty();

/// A greenlet of a tree that has ended, for calls that need one.
pub(super) static RELIC: Single<Handle> = Single::empty();

/// Plays a scene; returns what was seen, and the calls of hooks that the call caused.
pub(super) fn play(state: State, call: Call) -> (Option<(Answer, After)>, Heard) {
    RELIC.set(other_tree(|main| main.bare(&STACKS).expect("a stack is free")));
    match state {
        State::bare => {
            tree(|main| act(call, main.build(&STACKS).name("subject").bare().expect("a stack is free"), main))
        }
        State::unstarted => tree(|main| act(call, spawn(main, waits()), main)),
        State::current => tree(|main| {
            let subject = spawn(main, move |me, x| {
                act(call, me.handle(), me);
                Ok(x)
            });
            landed(subject.switch(v(1)), &subject.downgrade());
        }),
        State::suspended => tree(|main| {
            act(call, started(spawn(main, |me, x| me.parent().switch(x))), main);
        }),
        State::up => tree(|main| act(call, waiting(main), main)),
        State::dead => tree(|main| act(call, started(spawn(main, |_, x| Ok(x))), main)),
        State::leaked => tree(|main| {
            let leaked = started(spawn(main, refuses_once())).downgrade();
            let _told_of = heard();
            act(call, leaked.upgrade().expect("a leak keeps its greenlet"), main);
        }),
        State::ended => {
            let kept = tree(|main| waiting(main));
            other_tree(|main| act(call, kept, main));
        }
        State::main => tree(|main| act(call, main.handle(), main)),
        State::waiting_main => tree(|main| {
            let child = spawn(main, move |me, x| {
                act(call, me.parent(), me);
                Ok(x)
            });
            landed(child.switch(v(1)), &main.downgrade());
        }),
        State::ancestor => tree(|main| {
            let subject = spawn(main, move |me, x| {
                let caller = spawn(me, move |me, x| {
                    act(call, me.parent(), me);
                    Ok(x)
                });
                FIRST.set(caller.clone()); // it is not to end when the subject does
                caller.switch(x)
            });
            landed(subject.switch(v(1)), &subject.downgrade());
            drop(FIRST.take());
        }),
        State::ended_main => {
            let kept = tree(|main| main.handle());
            other_tree(|main| act(call, kept, main));
        }
    }
    drop((RELIC.take(), SECOND.take()));
    (SEEN.take(), heard())
}

/// Calls, from greenlet `me`, and notes what comes of it.
fn act(call: Call, subject: Handle, me: &Handle) {
    let weak = subject.downgrade();
    let answer = match call {
        Call::Of(function) => function(&subject, me),
        Call::Lose => {
            drop(subject);
            return note(Answer::Done, &weak);
        }
    };
    note(answer, &weak);
}

/// Control came to main, maybe without an answer to the call.
fn landed(outcome: Out, subject: &Weak) {
    note(Answer::ToMain(Landed::from(outcome)), subject);
}

/// The first to note something is the greenlet that continued when the call was made.
fn note(answer: Answer, subject: &Weak) {
    let now = subject.upgrade().map_or(After::Freed, |subject| After::Is(subject.state()));
    let first = SEEN.take().unwrap_or((answer, now));
    SEEN.set(first);
}
