//! The lowest layer: the records of greenlets, cores and stacks, without the types of values, errors and bodies.
//! Nothing here uses a handle or resumes a greenlet.

pub(crate) mod attached;
pub(crate) mod band;
pub(crate) mod block;
#[cfg_attr(not(feature = "abandon"), path = "never_busy.rs")]
pub(crate) mod busy;
pub(crate) mod core_state;
pub(crate) mod debug;
pub(crate) mod errors;
pub(crate) mod flags;
pub(crate) mod identity;
pub(crate) mod mail;
#[cfg(any(test, not(target_has_atomic = "64")))]
#[cfg_attr(test, allow(dead_code, reason = "a test of it, also where there are 64-bit atomics"))]
mod narrow;
pub(crate) mod occupancy;
pub(crate) mod optimized;
#[cfg_attr(not(feature = "high-water"), path = "never_painted.rs")]
pub(crate) mod paint;
pub(crate) mod panic;
pub(crate) mod pool;
pub(crate) mod refusal;
pub(crate) mod stack;
pub(crate) mod sync;
#[cfg_attr(not(feature = "watchpoint"), path = "never_watched.rs")]
pub(crate) mod watched;
