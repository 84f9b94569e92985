//! Random numbers: SplitMix64, written out, so that a seed means the same scenarios everywhere and
//! for ever.

/// A stream of numbers.
pub(super) struct Numbers(u64);

impl Numbers {
    /// The stream number `stream` of all that `seed` has.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        // Neither number alone, nor their sum or difference, decides where a stream begins.
        let first = Self(seed).next().wrapping_add(stream);
        Self(Self(first).next())
    }

    /// The next one, any of 2^64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of 0 to `end`, without it; `end` is above 0.
    pub(super) fn below(&mut self, end: u16) -> u16 {
        // The high half scaled: no division, and for ends this small every number is as likely as
        // any other to one part in 2^48.
        (((self.next() >> 32) * u64::from(end)) >> 32) as u16
    }

    /// One of `first` to `last`, with both.
    pub(super) fn between(&mut self, first: u16, last: u16) -> u16 {
        first + self.below(last - first + 1)
    }

    /// True in so many cases out of a hundred.
    pub(super) fn percent(&mut self, cases: u16) -> bool {
        self.below(100) < cases
    }

    /// One of several.
    pub(super) fn one_of<T: Copy>(&mut self, several: &[T]) -> T {
        several[usize::from(self.below(several.len() as u16))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_splitmix64() {
        // The first ones of the reference implementation, seeded with 1234567.
        let mut numbers = Numbers(1_234_567);
        assert_eq!(
            [numbers.next(), numbers.next(), numbers.next()],
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn every_number_below_an_end_comes_and_none_above() {
        let mut numbers = Numbers::new(1, 2);
        let mut seen = [0; 7];
        for _ in 0..7_000 {
            seen[usize::from(numbers.below(7))] += 1;
        }
        assert!(seen.iter().all(|&count| (800..1_200).contains(&count)), "{seen:?}");
    }
}
