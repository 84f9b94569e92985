//! The libraries that are compared.

use crate::peer::Peer;
#[cfg(fcontext)]
use crate::peers::Fcontext;
use crate::peers::{ByHandle, ByUp, Corosensei, Generator, Greenlets, Raw, Ucontext, Wasmtime, rtos, stackless};
use crate::work::Work;
use crate::works::{self, Sample, lookup};

/// A peer, as what measures sees it.
#[derive(Clone, Copy)]
pub(crate) struct Entrant {
    pub(crate) name: &'static str,
    pub(crate) sample: fn(Work, usize) -> Option<Sample>,
}

fn entrant<P: Peer>() -> Entrant {
    Entrant { name: P::NAME, sample: works::sample::<P> }
}

/// Those of this program. The program without the checks measures this crate, and has only the library that it is
/// compared with.
pub(crate) fn entrants() -> Vec<Entrant> {
    let mut all =
        vec![entrant::<Raw>(), entrant::<Greenlets<ByHandle>>(), entrant::<Greenlets<ByUp>>(), entrant::<Corosensei>()];
    if cfg!(not(feature = "unchecked")) {
        all.extend([entrant::<Generator>(), entrant::<Wasmtime>(), entrant::<Ucontext>()]);
        #[cfg(fcontext)]
        all.push(entrant::<Fcontext>());
        let round_trips = [rtos::pudding, stackless::embassy, stackless::embassy_same_core, stackless::future];
        all.extend(ROUND_TRIP_ALONE.into_iter().zip(round_trips).map(|(name, sample)| Entrant { name, sample }));
    }
    let lookups: [fn(Work, usize) -> Option<Sample>; 3] = [
        |work, count| work.lanes().map(|_| lookup::plain(count).into()),
        |work, count| work.lanes().map(|lanes| lookup::by_hand(lanes, count).into()),
        |work, count| work.lanes().map(|lanes| lookup::futures(lanes, count).into()),
    ];
    all.extend(LOOKUPS_ALONE.into_iter().zip(lookups).map(|(name, sample)| Entrant { name, sample }));
    all
}

/// What firmware uses instead, which does a round trip alone: a small RTOS, and peers without stacks.
pub(crate) const ROUND_TRIP_ALONE: [&str; 4] = ["pudding-kernel", "embassy", "embassy-same-core", "future"];

/// What does lookups alone.
pub(crate) const LOOKUPS_ALONE: [&str; 3] = ["plain-loop", MACHINE, "futures"];

/// The state machine that others are compared with.
pub(crate) const MACHINE: &str = "state-machine";

/// All names, in the order of the table.
pub(crate) const NAMES: [&str; 18] = [
    Raw::NAME,
    "greenlet",
    "greenlet-up",
    "greenlet-unchecked",
    "greenlet-up-unchecked",
    Corosensei::NAME,
    Generator::NAME,
    Wasmtime::NAME,
    "boost-fcontext",
    Ucontext::NAME,
    "python-greenlet",
    ROUND_TRIP_ALONE[0],
    ROUND_TRIP_ALONE[1],
    ROUND_TRIP_ALONE[2],
    ROUND_TRIP_ALONE[3],
    LOOKUPS_ALONE[0],
    LOOKUPS_ALONE[1],
    LOOKUPS_ALONE[2],
];
