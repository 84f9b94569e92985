//! What an interrupt takes of the stack that it is handled on.

/// Bytes on the stack while a handler runs: every register, those of floating point, and why it came.
pub const FRAME: usize = size_of::<super::traps::Frame>();
