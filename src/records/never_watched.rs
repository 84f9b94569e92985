//! Replaces `watched` without the feature `watchpoint`: functions that do nothing.

use crate::records::block::BlockPtr;

#[inline(always)]
pub(crate) fn greenlet(_block: BlockPtr) {}

#[inline(always)]
pub(crate) fn no_greenlet() {}
