//! Cases that take a story, by what they are about.

mod drops;
mod entering;
mod exits;
mod hooks;
mod kept;
mod locals;
#[cfg(feature = "std")]
mod panics;
mod pools;
mod refusing;
mod remote;
mod throws;
mod tracers;
mod visitors;

use crate::Case;

pub(crate) const GROUPS: &[&[Case]] = &[
    drops::CASES,
    entering::CASES,
    exits::CASES,
    hooks::CASES,
    kept::CASES,
    locals::CASES,
    #[cfg(feature = "std")]
    panics::BODIES,
    #[cfg(feature = "std")]
    panics::DESTRUCTORS,
    #[cfg(feature = "std")]
    panics::HOOKS,
    pools::CASES,
    refusing::CASES,
    remote::CASES,
    throws::CASES,
    tracers::CASES,
    visitors::CASES,
];

/// The cases of a module: functions, by name. What is not listed is dead code, and the compiler says so.
macro_rules! group {
    ($group:literal: $($case:ident $(keeps($stacks:literal, $values:literal))?),* $(,)?) => {
        pub(in crate::named) const CASES: &[$crate::Case] =
            &[$($crate::Case::story($group, stringify!($case), $case)$(.keeping($stacks, $values))?),*];
    };
}
use group;
