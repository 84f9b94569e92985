//! The word of a bell in two halves, for 32-bit processors, which lack atomics of 64 bits.
//!
//! ```text
//!           31         30           3   2     0
//!   low    │ CHANGING │ bits 3 to 30   │ flags │  a compare-and-swap finds the task here, and sets a flag
//!   high   │ bits 31 to 62                     │  changes only while low has CHANGING
//! ```
//!
//! The high half changes with every 2^28th generation of a slot. Until the new one is there, the word reads as one with
//! [`NO_GENERATION`], so no kill finds its task: the one that it was meant for has ended.
//!
//! Only the hub's core changes generations. Beside it run its handlers; the argument does not need that they end before
//! the core continues, so it holds for threads, too, of which the models in `qemu-tests/models` make use.

use crate::atomics::AtomicU32;
use crate::atomics::Ordering::{self, AcqRel, Acquire, Relaxed, Release};

/// In the low half: the high half is not that of the bits beside.
const CHANGING: u32 = 1 << 31;
/// In the low half: what a flag is, and no part of the generation.
const FLAGS: u32 = 0b111;
/// Bits of the low half before the high half begins.
const BITS: u32 = 31;
/// The generation of no task: 2^60 tasks would have to begin in one slot.
const NO_GENERATION: u64 = !(FLAGS as u64);

/// A word of 63 bits.
pub(crate) struct Word {
    low: AtomicU32,
    high: AtomicU32,
}

impl Word {
    pub(crate) const fn new(word: u64) -> Self {
        Self { low: AtomicU32::new(low_half(word)), high: AtomicU32::new(high_half(word)) }
    }

    /// The low half is read again after the high one: if no generation began in between, both are of the same.
    #[inline]
    pub(crate) fn load(&self, _order: Ordering) -> u64 {
        loop {
            let before = self.low.load(Acquire);
            let high = self.high.load(Acquire);
            let low = self.low.load(Relaxed);
            if low & CHANGING != 0 {
                return NO_GENERATION | u64::from(low & FLAGS);
            }
            if (before ^ low) & !FLAGS == 0 {
                return u64::from(high) << BITS | u64::from(low);
            }
        }
    }

    /// Sets flags; returns the flags before, with some generation.
    #[inline]
    pub(crate) fn fetch_or(&self, flags: u64, order: Ordering) -> u64 {
        u64::from(self.low.fetch_or(low_half(flags), order))
    }

    /// Clears flags; returns the flags before, with some generation.
    #[inline]
    pub(crate) fn fetch_and(&self, kept: u64, order: Ordering) -> u64 {
        u64::from(self.low.fetch_and(low_half(kept) | CHANGING, order))
    }

    /// If `new` has another generation, the caller is the hub's core, and not a handler.
    #[inline]
    pub(crate) fn compare_exchange_weak(
        &self,
        now: u64,
        new: u64,
        _set: Ordering,
        _fetch: Ordering,
    ) -> Result<u64, u64> {
        let stays = high_half(now) == high_half(new);
        let next = if stays { low_half(new) } else { low_half(new) | CHANGING };
        if self.low.compare_exchange(low_half(now), next, AcqRel, Relaxed).is_err() {
            return Err(self.load(Acquire));
        }
        if !stays {
            self.high.store(high_half(new), Release);
            self.low.fetch_and(!CHANGING, Release);
        }
        Ok(now)
    }
}

const fn low_half(word: u64) -> u32 {
    word as u32 & !CHANGING
}

const fn high_half(word: u64) -> u32 {
    (word >> BITS) as u32
}
