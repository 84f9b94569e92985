//! What an interrupt takes of the stack that it is handled on.

/// Bytes on the stack while a handler runs: what the processor stores, with registers of floating point and a word to
/// align it, and what the board does.
pub const FRAME: usize = 108 + size_of::<super::traps::Frame>();
