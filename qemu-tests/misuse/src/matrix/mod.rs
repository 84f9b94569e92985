//! Every function of a handle, called on a greenlet in every state.
//!
//! `scenes` brings a greenlet into each state and makes the call; `calls` are the functions; `transfers`, `changes` and
//! `questions` are tables of what must come of each.

mod calls;
mod changes;
mod questions;
mod scenes;
mod table;
mod transfers;

use crate::answer::Answer;
use crate::values::Handle;
use crate::verdict::same;
use crate::{Case, What};
use greenlet::State as Life;

/// The states that a greenlet, the *subject*, can be in when something is called on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(non_camel_case_types, reason = "they are names of cases")]
pub(crate) enum State {
    /// Unstarted, without a body.
    bare,
    /// Unstarted, with a body that waits in `up` once and then ends with what comes.
    unstarted,
    /// It calls the function on itself.
    current,
    /// It waits in a switch to main, and ends with what comes.
    suspended,
    /// It waits in `up`, and ends with what comes.
    up,
    /// Its body is over.
    dead,
    /// It refused to end when its last handle went, and ends with what comes next.
    leaked,
    /// Its tree has ended; another one is entered.
    ended,
    /// The main greenlet, which calls the function on itself.
    main,
    /// The main greenlet, while a child of it calls.
    waiting_main,
    /// It waits in a switch to its child, which calls the function, and ends with what comes.
    ancestor,
    /// The main greenlet of a tree that has ended; another one is entered.
    ended_main,
}

impl State {
    const ALL: [Self; 12] = [
        Self::bare,
        Self::unstarted,
        Self::current,
        Self::suspended,
        Self::up,
        Self::dead,
        Self::leaked,
        Self::ended,
        Self::main,
        Self::waiting_main,
        Self::ancestor,
        Self::ended_main,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::bare => "bare",
            Self::unstarted => "unstarted",
            Self::current => "current",
            Self::suspended => "suspended",
            Self::up => "up",
            Self::dead => "dead",
            Self::leaked => "leaked",
            Self::ended => "ended",
            Self::main => "main",
            Self::waiting_main => "waiting_main",
            Self::ancestor => "ancestor",
            Self::ended_main => "ended_main",
        }
    }
}

/// What is called: the function gets the subject, and the greenlet that calls.
#[derive(Clone, Copy)]
pub(crate) enum Call {
    Of(fn(&Handle, &Handle) -> Answer),
    /// The handle is dropped. In a scene where the subject is not current, main or an ancestor, it is the last one.
    Lose,
}

/// Where the subject is afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    Is(Life),
    Freed,
}

/// What must come of a call.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    answer: Answer,
    after: After,
    /// How often the hook for errors that have nowhere to go is called.
    unraisable: u32,
}

/// One function in all states.
struct Row {
    name: &'static str,
    call: Call,
    wanted: [Wanted; State::ALL.len()],
}

pub(crate) fn cases() -> impl Iterator<Item = Case> {
    let rows = transfers::ROWS.iter().chain(changes::ROWS).chain(questions::ROWS);
    rows.flat_map(|row| {
        State::ALL.iter().zip(row.wanted).map(|(&state, wanted)| Case {
            group: row.name,
            name: state.name(),
            what: What::Cell(state, row.call, wanted),
            keeps: (0, 0),
        })
    })
}

/// Plays the scene, and compares.
pub(crate) fn play(state: State, call: Call, wanted: Wanted) {
    let (found, told) = scenes::play(state, call);
    same(found, Some((wanted.answer, wanted.after)));
    same(told.unraisable, wanted.unraisable);
    same(told.leaks, 0);
}
