//! Replacements for 64-bit atomics, for 32-bit processors, which lack them.
//!
//! The feature `cores` is refused there, so there is one core, and only its interrupt handlers run concurrently. A
//! handler runs between two instructions of the code that it interrupts, and ends before that code continues.
//!
//! # The word of a slot
//!
//! [`Word`] has the 64 bits of a slot's word in two halves. The flags are beside the lowest bits of the id, so that one
//! compare-and-swap finds the greenlet and sets a flag:
//!
//! ```text
//!           31    24 23                         0
//!   low    │ flags  │ id, bits 0 to 23           │  24 ones: no greenlet, or the id is being changed
//!   high   │ id, bits 24 to 55                   │  changes only while low has 24 ones
//! ```
//!
//! | operation | code | steps |
//! |---|---|---|
//! | change the id | the core, not in a handler | ones to low; high; the id to low, by an operation that keeps flags |
//! | read | any | read low, high, and low again; repeat if the id in low has changed |
//! | change flags | any | compare-and-swap of low, if high is the expected one |
//!
//! A handler that interrupts a change of the id finds 24 ones. They belong to no greenlet: an id that ends in them is
//! never handed out (`Core::new_id`). The handler never has to wait, because the interrupted code can only have left
//! ones or a whole id. Code of the core itself reads what it wrote before; handlers in between can only have changed
//! flags, and then the compare-and-swap fails and is repeated.
//!
//! A core and its handlers see its own accesses in the order of the program. So the compiler has to keep that order,
//! and no barrier of the processor is needed: every operation is relaxed, between [fences](in_order) for the compiler.

use crate::records::sync::AtomicU32;
use crate::records::sync::Ordering::{self, Relaxed};
use core::sync::atomic::{self, compiler_fence};

/// Bits of the id in the low half.
const BITS: u32 = 24;
/// The mask of these bits. All of them are set while there is no id.
const LOW: u32 = (1 << BITS) - 1;

/// The compiler moves no access to memory from one side of it to the other. It adds no instruction.
#[inline(always)]
fn in_order() {
    compiler_fence(atomic::Ordering::SeqCst);
}

/// A slot's word: 8 flags, in bits 63 to 56, and an id of 56 bits.
pub(crate) struct Word {
    low: AtomicU32,
    high: AtomicU32,
}

impl Word {
    pub(crate) const fn new(word: u64) -> Self {
        Self { low: AtomicU32::new(low_half(word)), high: AtomicU32::new(high_half(word)) }
    }

    #[inline]
    pub(crate) fn load(&self, _order: Ordering) -> u64 {
        loop {
            let before = self.low.load(Relaxed);
            in_order();
            let high = self.high.load(Relaxed);
            in_order();
            let low = self.low.load(Relaxed);
            in_order();
            if (before ^ low) & LOW == 0 {
                return joined(low, high);
            }
        }
    }

    /// Called by the core, while nothing else changes flags.
    #[inline]
    pub(crate) fn store(&self, word: u64, _order: Ordering) {
        in_order();
        self.low.store(LOW, Relaxed);
        in_order();
        self.high.store(high_half(word), Relaxed);
        in_order();
        self.low.store(low_half(word), Relaxed);
    }

    pub(crate) fn fetch_or(&self, flags: u64, _order: Ordering) {
        in_order();
        self.low.fetch_or(low_half(flags), Relaxed);
        in_order();
    }

    /// Clears flags; returns the flags before, with some id.
    pub(crate) fn fetch_and(&self, kept: u64, _order: Ordering) -> u64 {
        in_order();
        let before = self.low.fetch_and(low_half(kept) | LOW, Relaxed);
        in_order();
        joined(before, 0)
    }

    /// If `change` changes the id, the caller is code of the core, and not a handler.
    pub(crate) fn fetch_update(
        &self,
        _set: Ordering,
        _fetch: Ordering,
        mut change: impl FnMut(u64) -> Option<u64>,
    ) -> Result<u64, u64> {
        loop {
            in_order();
            let word = self.load(Relaxed);
            let Some(new) = change(word) else { return Err(word) };
            let is_same = (word ^ new) << (64 - BITS - 32) == 0;
            // Removes the id and sets the new flags, in one step.
            let next = if is_same { low_half(new) } else { low_half(new) | LOW };
            if self.low.compare_exchange(low_half(word), next, Relaxed, Relaxed).is_err() {
                continue;
            }
            in_order();
            if !is_same {
                self.high.store(high_half(new), Relaxed);
                in_order();
                // A read-modify-write, because a handler may have set flags since.
                self.low.fetch_and(low_half(new) | !LOW, Relaxed);
                in_order();
            }
            return Ok(word);
        }
    }
}

/// The low half of a word: its flags, and the lowest bits of its id.
const fn low_half(word: u64) -> u32 {
    (word >> 32) as u32 & !LOW | word as u32 & LOW
}

/// The high half of a word: the rest of its id.
const fn high_half(word: u64) -> u32 {
    (word >> BITS) as u32
}

/// The word with these halves. If there is no id, the high half is ignored, and all bits of the id are ones.
const fn joined(low: u32, high: u32) -> u64 {
    let high = if low & LOW == LOW { u32::MAX } else { high };
    ((low & !LOW) as u64) << 32 | (high as u64) << BITS | (low & LOW) as u64
}

/// A number that only the core's code reads and writes, and no handler.
pub(crate) struct Counter {
    low: AtomicU32,
    high: AtomicU32,
}

impl Counter {
    pub(crate) const fn new(number: u64) -> Self {
        Self { low: AtomicU32::new(number as u32), high: AtomicU32::new((number >> 32) as u32) }
    }

    #[inline]
    pub(crate) fn load(&self, order: Ordering) -> u64 {
        u64::from(self.high.load(order)) << 32 | u64::from(self.low.load(order))
    }

    #[inline]
    pub(crate) fn store(&self, number: u64, order: Ordering) {
        self.low.store(number as u32, order);
        self.high.store((number >> 32) as u32, order);
    }

    #[inline]
    pub(crate) fn fetch_add(&self, more: u64, order: Ordering) -> u64 {
        let before = self.load(order);
        self.store(before + more, order);
        before
    }
}

#[cfg(test)]
mod tests {
    //! What one core does, without handlers: the same as one atomic of 64 bits. `qemu-tests/models` has the handlers.

    use super::{Counter, Word};
    use core::sync::atomic::Ordering::Relaxed;

    const FLAGS: u64 = 0xff << 56;
    /// All bits of the id: none.
    const NO_ID: u64 = !FLAGS;
    const WORDS: [u64; 8] = [
        0,
        1,
        0xff_fffe,
        0x0100_0000,
        0x00fe_dcba_9876_5432,
        NO_ID - 1,
        0xa5 << 56 | 0x0012_3456_789a_bcde,
        0x5a << 56 | NO_ID,
    ];

    /// Calls `check` with a word that holds each of them, and with that.
    fn each(check: impl Fn(Word, u64)) {
        for word in WORDS {
            check(Word::new(word), word);
        }
    }

    #[test]
    fn a_word_is_read_as_it_was_written() {
        each(|word, held| {
            assert_eq!(word.load(Relaxed), held);
            for other in WORDS {
                word.store(other, Relaxed);
                assert_eq!(word.load(Relaxed), other);
            }
        });
    }

    #[test]
    fn flags_are_set_and_cleared_and_the_id_stays() {
        for flag in (56..64).map(|bit| 1 << bit) {
            each(|word, held| {
                word.fetch_or(flag, Relaxed);
                assert_eq!(word.load(Relaxed), held | flag);
                assert_eq!(word.fetch_and(!flag, Relaxed) & FLAGS, (held | flag) & FLAGS);
                assert_eq!(word.load(Relaxed), held & !flag);
            });
        }
    }

    #[test]
    fn an_update_changes_all_or_nothing() {
        each(|word, held| {
            assert_eq!(word.fetch_update(Relaxed, Relaxed, |_| None), Err(held));
            assert_eq!(word.load(Relaxed), held);
            for other in WORDS {
                let before = word.load(Relaxed);
                assert_eq!(word.fetch_update(Relaxed, Relaxed, |seen| (seen == before).then_some(other)), Ok(before));
                assert_eq!(word.load(Relaxed), other);
            }
        });
    }

    /// A flag that comes between reading and writing.
    #[test]
    fn an_update_that_is_interrupted_begins_again() {
        each(|word, held| {
            let (flag, mut calls) = (1 << 59, 0);
            let updated = word.fetch_update(Relaxed, Relaxed, |seen| {
                word.fetch_or(flag, Relaxed);
                calls += 1;
                Some(seen ^ 1 << 63)
            });
            assert_eq!((updated, calls), (Ok(held | flag), if held & flag == 0 { 2 } else { 1 }));
            assert_eq!(word.load(Relaxed), (held | flag) ^ 1 << 63);
        });
    }

    #[test]
    fn a_counter_counts_over_the_end_of_a_half() {
        let counter = Counter::new(0x0123_4567_ffff_fffe);
        for expected in 0x0123_4567_ffff_fffe_u64..0x0123_4568_0000_0002 {
            assert_eq!((counter.load(Relaxed), counter.fetch_add(1, Relaxed)), (expected, expected));
        }
        counter.store(0xfedc_ba98_7654_3210, Relaxed);
        assert_eq!(counter.load(Relaxed), 0xfedc_ba98_7654_3210);
    }
}
