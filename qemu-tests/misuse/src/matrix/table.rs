//! How tables are written: a row for each function, in it a line for each state.

use super::{After, State};
use greenlet::State as Life;

/// Makes rows. With `stays` in front, a line has only the answer, and the subject's state is what it was.
macro_rules! rows {
    (stays $($name:literal, $call:expr => { $($state:ident: $answer:expr,)* })*) => {
        $crate::matrix::table::rows! { $($name, $call => { $($state: $crate::matrix::Wanted {
            answer: $answer,
            after: $crate::matrix::table::left($crate::matrix::State::$state),
            unraisable: 0,
        },)* })* }
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

/// Where the subject of a scene is if nothing is done to it.
pub(super) const fn left(state: State) -> After {
    After::Is(match state {
        State::bare | State::unstarted => Life::Unstarted,
        State::current | State::main => Life::Running,
        State::suspended | State::up | State::leaked | State::waiting_main | State::ancestor => Life::Suspended,
        State::dead | State::ended | State::ended_main => Life::Dead,
    })
}
