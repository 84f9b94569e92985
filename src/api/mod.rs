//! The public interface: methods of handles, builders, stack pools, greenlet-local values and reports.
//!
//! The top of the three layers `records`, `kernel` and `api`: it uses both others, and neither of them uses it.

#[cfg(feature = "abandon")]
pub(crate) mod abandon;
pub(crate) mod builder;
pub(crate) mod claimed;
pub(crate) mod core_identity;
mod debug;
mod digits;
pub(crate) mod handle;
#[cfg(feature = "high-water")]
pub(crate) mod high_water;
pub(crate) mod local;
pub(crate) mod pools;
#[cfg(feature = "abandon")]
pub(crate) mod reclaim;
pub(crate) mod remote;
pub(crate) mod report;
pub(crate) mod report_all;
pub(crate) mod trace;
#[cfg(feature = "watchpoint")]
pub(crate) mod watch;
