//! Who takes part.

use crate::peer::Peer;
#[cfg(fcontext)]
use crate::peers::Fcontext;
use crate::peers::{ByHandle, ByUp, Corosensei, Generator, Greenlets, Raw, Ucontext, Wasmtime};
use crate::work::Work;
use crate::works::{self, Sample};

/// A peer, as what measures sees it.
#[derive(Clone, Copy)]
pub(crate) struct Entrant {
    pub(crate) name: &'static str,
    pub(crate) sample: fn(Work, usize) -> Option<Sample>,
}

fn entrant<P: Peer>() -> Entrant {
    Entrant { name: P::NAME, sample: works::sample::<P> }
}

/// Those of this program. Without the checks it is about this crate, and has only who that is compared with.
pub(crate) fn entrants() -> Vec<Entrant> {
    let mut all =
        vec![entrant::<Raw>(), entrant::<Greenlets<ByHandle>>(), entrant::<Greenlets<ByUp>>(), entrant::<Corosensei>()];
    if cfg!(not(feature = "unchecked")) {
        all.extend([entrant::<Generator>(), entrant::<Wasmtime>(), entrant::<Ucontext>()]);
        #[cfg(fcontext)]
        all.push(entrant::<Fcontext>());
    }
    all
}

/// All names, in the order of the table.
pub(crate) const NAMES: [&str; 11] = [
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
];
