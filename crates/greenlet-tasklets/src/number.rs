//! A number that one core alone reads and writes, in a static.

#[cfg(target_has_atomic = "64")]
pub(crate) use core::sync::atomic::AtomicU64 as Number;

#[cfg(not(target_has_atomic = "64"))]
pub(crate) use halves::Number;

/// Two halves, for a processor without 64-bit atomics. Nothing reads one of them between the writes of both.
#[cfg(not(target_has_atomic = "64"))]
mod halves {
    use core::sync::atomic::{AtomicU32, Ordering};

    pub(crate) struct Number {
        low: AtomicU32,
        high: AtomicU32,
    }

    impl Number {
        pub(crate) const fn new(number: u64) -> Self {
            Self { low: AtomicU32::new(number as u32), high: AtomicU32::new((number >> 32) as u32) }
        }

        pub(crate) fn load(&self, order: Ordering) -> u64 {
            u64::from(self.high.load(order)) << 32 | u64::from(self.low.load(order))
        }

        pub(crate) fn store(&self, number: u64, order: Ordering) {
            self.low.store(number as u32, order);
            self.high.store((number >> 32) as u32, order);
        }
    }
}
