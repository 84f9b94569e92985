//! The middle floor, the kernel: transfers, start, death, the release of references and the end of a tree, with the
//! tree's types `V` and `E`.

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
