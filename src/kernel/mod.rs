//! The middle floor: the language. What transfers, starts, ends and lost references do, with the types of a tree.

pub(crate) mod body;
pub(crate) mod handle;
pub(crate) mod me;
pub(crate) mod overflow;
pub(crate) mod references;
pub(crate) mod settle;
pub(crate) mod thrown;
pub(crate) mod trace;
pub(crate) mod transfer;
pub(crate) mod tree;
