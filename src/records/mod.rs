//! The lowest floor: what is kept of greenlets, cores and stacks, without types. Nothing here has a handle or runs a greenlet.

pub(crate) mod block;
#[cfg(feature = "abandon")]
pub(crate) mod busy;
pub(crate) mod errors;
pub(crate) mod here;
pub(crate) mod identity;
pub(crate) mod mail;
pub(crate) mod occupancy;
pub(crate) mod panic;
pub(crate) mod pool;
pub(crate) mod sync;
