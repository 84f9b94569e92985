//! How tables are written: a row for each function, with what must come of it in each state.

use super::{After, State, Wanted};
use crate::answer::Answer;
use greenlet::State as Life;

/// Makes rows. With `stays` in front, a row has the answer of most states, then those of others, and the subject's
/// state is what it was.
macro_rules! rows {
    (stays $($name:literal, $call:expr => { _: $most:expr $(, $state:ident: $answer:expr)* })*) => {
        &[$($crate::matrix::Row {
            name: $name,
            call: $call,
            wanted: $crate::matrix::table::stays($most, &[$(($crate::matrix::State::$state, $answer)),*]),
        }),*]
    };
    ($($name:literal, $call:expr => { $($state:ident: $wanted:expr,)* })*) => {
        &[$($crate::matrix::Row { name: $name, call: $call, wanted: {
            use $crate::matrix::State;
            const { assert!($crate::matrix::table::in_order(&[$(State::$state),*]), "a state is not in its place") };
            [$($wanted),*]
        } }),*]
    };
}
pub(super) use rows;

/// Whether all states are there, each in its place: a row is looked up by position.
pub(super) const fn in_order(states: &[State; State::ALL.len()]) -> bool {
    let mut at = 0;
    while at < states.len() {
        if states[at] as usize != at || State::ALL[at] as usize != at {
            return false;
        }
        at += 1;
    }
    true
}

/// What must come of a call that leaves the subject in its state.
pub(super) const fn stays(most: Answer, others: &[(State, Answer)]) -> [Wanted; State::ALL.len()] {
    let mut wanted = [Wanted { answer: most, after: After::Freed, unraisable: 0 }; State::ALL.len()];
    let mut at = 0;
    while at < wanted.len() {
        wanted[at].after = left(State::ALL[at]);
        at += 1;
    }
    at = 0;
    while at < others.len() {
        wanted[others[at].0 as usize].answer = others[at].1;
        at += 1;
    }
    wanted
}

/// Where the subject of a scene is if nothing is done to it.
const fn left(state: State) -> After {
    After::Is(match state {
        State::bare | State::unstarted => Life::Unstarted,
        State::current | State::main => Life::Running,
        State::suspended | State::up | State::leaked | State::waiting_main | State::ancestor => Life::Suspended,
        State::dead | State::ended | State::ended_main => Life::Dead,
    })
}
